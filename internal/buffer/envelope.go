package buffer

import (
	"encoding/binary"
	"errors"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A record on disk is the client's metadata and the metrics, as protobuf:
//
//	entries uvarint | (key | values uvarint | value...)... | ExportMetricsServiceRequest
//
// where key and value are a length as uvarint and bytes.

var errEnvelope = errors.New("buffer: not an envelope")

func encode(it *item) ([]byte, error) {
	body, err := it.body, error(nil)
	if body == nil {
		body, err = sizer.MarshalMetrics(it.md)
	}
	return slices.Concat(it.metadata.head(), body), err
}

func (m metadata) head() []byte {
	head := binary.AppendUvarint(nil, uint64(len(m)))
	for _, e := range m {
		head = appendText(head, e.key)
		head = binary.AppendUvarint(head, uint64(len(e.values)))
		for _, v := range e.values {
			head = appendText(head, v)
		}
	}
	return head
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// opened is an envelope whose metrics are not decoded yet.
type opened struct {
	metadata metadata
	body     []byte
}

func open(data []byte) (o opened, err error) {
	r := reader{data}
	for range r.count(&err) {
		e := entry{key: r.text(&err)}
		for range r.count(&err) {
			e.values = append(e.values, r.text(&err))
		}
		o.metadata = append(o.metadata, e)
	}
	o.body = r.left
	return o, err
}

func (o *opened) decode() (pmetric.Metrics, error) {
	var u pmetric.ProtoUnmarshaler
	return u.UnmarshalMetrics(o.body)
}

// reader reads an envelope's head. After an error it reads zeros.
type reader struct{ left []byte }

func (r *reader) uvarint(err *error) uint64 {
	v, n := binary.Uvarint(r.left)
	if n <= 0 {
		*err, r.left = errEnvelope, nil
		return 0
	}
	r.left = r.left[n:]
	return v
}

// count is at most what the bytes that are left can hold.
func (r *reader) count(err *error) uint64 {
	n := r.uvarint(err)
	if n > uint64(len(r.left)) {
		*err, r.left = errEnvelope, nil
		return 0
	}
	return n
}

func (r *reader) text(err *error) string {
	n := r.count(err)
	text := string(r.left[:n])
	r.left = r.left[n:]
	return text
}
