package buffer

import (
	"errors"
	"fmt"
	"time"
)

// FullError is what Add fails with when neither memory nor disk has room.
type FullError struct {
	// RetryAfter is when there may be room, at the rate at which batches are taken.
	RetryAfter time.Duration
	// Storage is what keeps the disk from helping, nil if it is full or there is none.
	Storage error
}

func (e *FullError) Error() string {
	if e.Storage != nil {
		return fmt.Sprintf("buffer: no room in memory, and none on disk: %v", e.Storage)
	}
	return "buffer: no room"
}

func (e *FullError) Unwrap() error { return e.Storage }

// ErrClosed is what Add fails with once the buffer stops.
var ErrClosed = errors.New("buffer: stopped")

// ErrTooLarge is what Add fails with for a piece that could never be held.
var ErrTooLarge = errors.New("buffer: larger than max_bytes")
