package metrics

import (
	"math"
	"unsafe"
)

// Number is what an instrument may count or measure: every integer and floating-point kind.
//
// Integers travel as int64, in OTLP as in this package: what is above [math.MaxInt64] is refused with [ErrOverflow].
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// The functions below depend on the type alone: the compiler makes constants of them.

func isFloat[T Number]() bool { return T(1)/2 != 0 }

// largestInteger is the largest value of an integer type, or of int64 if that is smaller.
func largestInteger[T Number]() uint64 {
	var zero T
	bits := 8 * unsafe.Sizeof(zero)
	if bits == 64 || zero-1 < 0 {
		bits--
	}
	return 1<<bits - 1
}

// largestAndSmallest are the ends of the range, infinities of floats.
func largestAndSmallest[T Number]() (largest, smallest T) {
	var zero T
	switch {
	case isFloat[T]():
		return T(math.Inf(1)), T(math.Inf(-1))
	case zero-1 > 0:
		return T(largestInteger[T]()), zero
	default:
		return T(largestInteger[T]()), T(-int64(largestInteger[T]()) - 1)
	}
}

// largestFloat is the largest finite value of a floating-point type.
func largestFloat[T Number]() float64 {
	var zero T
	if unsafe.Sizeof(zero) == 4 {
		return math.MaxFloat32
	}
	return math.MaxFloat64
}

// tooLarge reports whether an integer does not fit into int64.
func tooLarge[T Number](v T) bool {
	return !isFloat[T]() && v > 0 && uint64(v) > math.MaxInt64
}

// checkFinite refuses NaN and the infinities.
func checkFinite[T Number](v T) error {
	switch {
	case v-v == 0: //nolint:gocritic // false of NaN and the infinities, whatever the type
		return nil
	case v != v: //nolint:gocritic // true of NaN, whatever the type
		return ErrNaN
	default:
		return ErrInfinite
	}
}

// toBits and fromBits keep a value in a word: an integer as int64, a float as float64.
func toBits[T Number](v T) uint64 {
	if isFloat[T]() {
		return math.Float64bits(float64(v))
	}
	return uint64(int64(v))
}

func fromBits[T Number](bits uint64) T {
	if isFloat[T]() {
		return T(math.Float64frombits(bits))
	}
	return T(int64(bits))
}
