package metrics

import (
	"math"
	"math/big"
)

// Exponential buckets, of OTel and Prometheus alike, have bounds at powers of 2^(2^-scale). Bucket i of OTel holds what is
// above base^i and up to base^(i+1); Prometheus calls it i+1. Halving the resolution halves the index: so the index is
// computed once, at the finest scale, and shifted.
const (
	finestScale   = 8  // Prometheus has none finer
	coarsestScale = -4 // nor coarser
	coarsestShift = finestScale - coarsestScale
	perOctave     = 1 << finestScale // buckets between two powers of two
	slotBits      = finestScale + 1  // so fine that no slot holds two bounds
	mantissaBits  = 52
	mantissaMask  = 1<<mantissaBits - 1
)

// subdivision finds the bucket within an octave: start[slot] is the first bound not below the slot's lower end, bound its
// mantissa. The last bound is the next octave.
type subdivision struct {
	start [1 << slotBits]uint16
	bound [perOctave + 1]uint64
}

var octave = newSubdivision()

// newSubdivision computes 2^(k/256) rounded down: a value is up to a bound exactly if it is up to that.
func newSubdivision() *subdivision {
	const precision = 200
	root := new(big.Float).SetPrec(precision).SetInt64(2)
	for range finestScale {
		root.Sqrt(root)
	}
	s := &subdivision{}
	power := new(big.Float).SetPrec(precision).SetInt64(1)
	for k := range perOctave {
		f, accuracy := power.Float64()
		if accuracy == big.Above {
			f = math.Nextafter(f, 0)
		}
		s.bound[k] = math.Float64bits(f) & mantissaMask
		power.Mul(power, root)
	}
	s.bound[perOctave] = 1 << mantissaBits
	k := 0
	for slot := range s.start {
		for s.bound[k] < uint64(slot)<<(mantissaBits-slotBits) {
			k++
		}
		s.start[slot] = uint16(k)
	}
	return s
}

// bucketIndex is the index of v, which is finite and above zero, at the finest scale. It is exact: a bound belongs to the
// bucket it ends.
func bucketIndex(v float64) int32 {
	bits := math.Float64bits(v)
	exponent := int32(bits>>mantissaBits) - 1023
	mantissa := bits & mantissaMask
	if exponent == -1023 { // subnormal
		return bucketIndex(v*(1<<mantissaBits)) - mantissaBits*perOctave
	}
	k := int32(octave.start[mantissa>>(mantissaBits-slotBits)])
	if mantissa > octave.bound[k] {
		k++
	}
	return exponent*perOctave + k - 1
}

// lowerBound is base^index at the scale that shift makes of the finest.
func lowerBound(index int32, shift uint8) float64 {
	i := int(index) << shift
	within := i & (perOctave - 1)
	return math.Ldexp(math.Float64frombits(1023<<mantissaBits|octave.bound[within]), i>>finestScale)
}
