package memgate

import (
	"runtime"
	"runtime/metrics"
)

// newReader returns a function that reads what this process uses of what Go has from the system: all but the pages that are
// free to be used again and those given back. Memory that was mapped by others, such as C code, is not seen. One call at a
// time.
func newReader() func() uint64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	return func() uint64 {
		metrics.Read(samples)
		total, unused := samples[0].Value.Uint64(), samples[1].Value.Uint64()+samples[2].Value.Uint64()
		return total - min(total, unused)
	}
}

func collect() { runtime.GC() }
