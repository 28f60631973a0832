package spill

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	version = 1 // what is written

	fileHeaderBytes   = 16
	recordHeaderBytes = 48
	markBytes         = 16

	recordMagic = 0x9d5e_ac17 // the bytes 17 ac 5e 9d: no text, no zstd frame
	markMagic   = 0x3bd1_e90a

	flagZstd = 1
)

var (
	segmentMagic = []byte("SLUICESP")
	doneMagic    = []byte("SLUICEDN")
	castagnoli   = crc32.MakeTable(crc32.Castagnoli)
)

// header is what precedes a record's data. It is the same for all versions; format says how a version writes it.
type header struct {
	flags       uint32
	stored, raw uint32 // length of the data as stored, and as it was
	lane, seq   uint64
	points      uint64
	sum         uint32 // CRC32C of the data as stored
}

// format is how one version lays out a segment. Each version that ever was stays in formats.
type format struct {
	magic       []byte // the bytes a record begins with
	headerBytes int
	parse       func(b []byte, number uint64, off int64) (header, bool)
}

var formats = map[uint32]*format{
	1: {magic: binary.LittleEndian.AppendUint32(nil, recordMagic), headerBytes: recordHeaderBytes, parse: parseHeader1},
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// placed is the checksum of b at one place of one segment, from which it begins instead of 0: a copy of b elsewhere is not valid.
func placed(b []byte, number uint64, off int64) uint32 {
	at := number*0x9e37_79b9_7f4a_7c15 ^ uint64(off)*0xd1b5_4a32_d192_ed03
	return crc32.Update(uint32(at>>32), castagnoli, b)
}

// putHeader writes h to b for a record at off of segment number.
func putHeader(b []byte, h header, number uint64, off int64) {
	le := binary.LittleEndian
	le.PutUint32(b, recordMagic)
	le.PutUint32(b[4:], h.flags)
	le.PutUint32(b[8:], h.stored)
	le.PutUint32(b[12:], h.raw)
	le.PutUint64(b[16:], h.lane)
	le.PutUint64(b[24:], h.seq)
	le.PutUint64(b[32:], h.points)
	le.PutUint32(b[40:], h.sum)
	le.PutUint32(b[44:], placed(b[:44], number, off))
}

func parseHeader1(b []byte, number uint64, off int64) (header, bool) {
	le := binary.LittleEndian
	if len(b) < recordHeaderBytes || le.Uint32(b) != recordMagic || le.Uint32(b[44:]) != placed(b[:44], number, off) {
		return header{}, false
	}
	h := header{
		flags: le.Uint32(b[4:]), stored: le.Uint32(b[8:]), raw: le.Uint32(b[12:]),
		lane: le.Uint64(b[16:]), seq: le.Uint64(b[24:]), points: le.Uint64(b[32:]), sum: le.Uint32(b[40:]),
	}
	return h, h.stored <= maxRecordBytes && h.raw <= maxRecordBytes
}

func fileHeader(magic []byte) []byte {
	b := binary.LittleEndian.AppendUint32(bytes.Clone(magic), version)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// fileVersion returns the version that a file's first bytes tell, 0 if they are damaged or no header at all.
func fileVersion(b, magic []byte) uint32 {
	if len(b) < fileHeaderBytes || !bytes.HasPrefix(b, magic) || binary.LittleEndian.Uint32(b[12:]) != checksum(b[:12]) {
		return 0
	}
	return binary.LittleEndian.Uint32(b[8:])
}

func versionError(path string, v uint32) error {
	return fmt.Errorf("%w: %s has version %d, this Sluice reads up to %d; it is left as it is", ErrVersion, path, v, version)
}

func appendMark(b []byte, number uint64, off int64) []byte {
	at := binary.LittleEndian.AppendUint64(nil, uint64(off))
	b = binary.LittleEndian.AppendUint32(b, markMagic)
	b = binary.LittleEndian.AppendUint32(b, placed(at, number, off))
	return append(b, at...)
}

// parseMark returns the offset that is done, false for what is no mark.
func parseMark(b []byte, number uint64) (int64, bool) {
	if len(b) < markBytes || binary.LittleEndian.Uint32(b) != markMagic {
		return 0, false
	}
	off := int64(binary.LittleEndian.Uint64(b[8:]))
	return off, binary.LittleEndian.Uint32(b[4:]) == placed(b[8:markBytes], number, off)
}
