package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The requests of Kafka's protocol that a producer needs, each in its last version without compact fields.
const (
	kafkaProduce, produceVersion         = 0, 3
	kafkaMetadata, metadataVersion       = 3, 1
	kafkaAPIVersions, apiVersionsVersion = 18, 0

	errUnsupportedVersion = 35
	recordsAfterHeader    = 61 // of a batch of records
)

var errKafkaRequest = errors.New("a request that was not offered")

// kafkaBroker is as much of one as a producer needs: it has any topic, with one partition, and hands over each message.
type kafkaBroker struct {
	listener net.Listener
	take     func(message []byte)
	done     sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
}

func newKafkaBroker(t *testing.T, take func(message []byte)) *kafkaBroker {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &kafkaBroker{listener: l, take: take}
	b.done.Go(b.accept)
	t.Cleanup(b.close)
	return b
}

func (b *kafkaBroker) address() string { return b.listener.Addr().String() }

func (b *kafkaBroker) close() {
	_ = b.listener.Close()
	b.mu.Lock()
	for _, c := range b.conns {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.done.Wait()
}

func (b *kafkaBroker) accept() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns = append(b.conns, c)
		b.mu.Unlock()
		b.done.Go(func() { _ = b.serve(c) })
	}
}

func (b *kafkaBroker) serve(c net.Conn) error {
	defer func() { _ = c.Close() }()
	for {
		var size int32
		if err := binary.Read(c, binary.BigEndian, &size); err != nil {
			return err
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(c, text); err != nil {
			return err
		}
		answer, err := b.answer(text)
		if err != nil {
			return err
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)); err != nil {
			return err
		}
	}
}

func (b *kafkaBroker) answer(text []byte) ([]byte, error) {
	r := &kafkaReader{text}
	key, version := r.int16(), r.int16()
	w := kafkaWriter(nil).int32(r.int32())
	r.string() // the client's name
	switch {
	case key == kafkaAPIVersions:
		return versions(w, version), nil
	case key == kafkaMetadata && version == metadataVersion:
		return b.metadata(r, w)
	case key == kafkaProduce && version == produceVersion:
		return b.produce(r, w), nil
	default:
		return nil, errKafkaRequest
	}
}

func versions(w kafkaWriter, asked int) kafkaWriter {
	failure := 0
	if asked > apiVersionsVersion {
		failure = errUnsupportedVersion
	}
	w = w.int16(failure).int32(3)
	for _, offer := range [][2]int{
		{kafkaProduce, produceVersion},
		{kafkaMetadata, metadataVersion},
		{kafkaAPIVersions, apiVersionsVersion},
	} {
		w = w.int16(offer[0]).int16(offer[1]).int16(offer[1])
	}
	return w
}

func (b *kafkaBroker) metadata(r *kafkaReader, w kafkaWriter) (kafkaWriter, error) {
	host, portText, err := net.SplitHostPort(b.address())
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	w = w.int32(1).int32(0).string(host).int32(port).int16(-1) // one broker, number 0, no rack
	topics := max(r.int32(), 0)
	w = w.int32(0).int32(topics)
	for range topics {
		w = append(w.int16(0).string(r.string()), 0) // no error, not internal
		w = w.int32(1).int16(0).int32(0).int32(0)    // one partition, no error, number 0, leader 0
		w = w.int32(1).int32(0).int32(1).int32(0)    // replicas, replicas in sync
	}
	return w, nil
}

func (b *kafkaBroker) produce(r *kafkaReader, w kafkaWriter) kafkaWriter {
	r.string() // no transaction
	r.next(2 + 4)
	topics := r.int32()
	w = w.int32(topics)
	for range topics {
		w = w.string(r.string())
		partitions := r.int32()
		w = w.int32(partitions)
		for range partitions {
			w = w.int32(r.int32()).int16(0).int32(0).int32(0).int32(-1).int32(-1) // no error, offset 0, no time
			b.records(r.next(r.int32()))
		}
	}
	return w.int32(0)
}

// records reads a batch without compression.
func (b *kafkaBroker) records(batch []byte) {
	r := &kafkaReader{batch[recordsAfterHeader-4:]}
	for range r.int32() {
		record := &kafkaReader{r.next(r.varint())}
		record.next(1)
		record.varint()
		record.varint()
		record.next(record.varint()) // the key
		b.take(record.next(record.varint()))
	}
}

type kafkaReader struct{ rest []byte }

func (r *kafkaReader) next(n int) []byte {
	n = max(n, 0) // -1 is null
	text := r.rest[:n]
	r.rest = r.rest[n:]
	return text
}

func (r *kafkaReader) int16() int     { return int(int16(binary.BigEndian.Uint16(r.next(2)))) }
func (r *kafkaReader) int32() int     { return int(int32(binary.BigEndian.Uint32(r.next(4)))) }
func (r *kafkaReader) string() string { return string(r.next(r.int16())) }

func (r *kafkaReader) varint() int {
	v, n := binary.Varint(r.rest)
	r.rest = r.rest[n:]
	return int(v)
}

type kafkaWriter []byte

func (w kafkaWriter) int16(v int) kafkaWriter { return binary.BigEndian.AppendUint16(w, uint16(v)) }
func (w kafkaWriter) int32(v int) kafkaWriter { return binary.BigEndian.AppendUint32(w, uint32(v)) }

func (w kafkaWriter) string(s string) kafkaWriter { return append(w.int16(len(s)), s...) }
