package spill

import (
	"errors"
	"fmt"
	"syscall"
)

// What calls fail with, for errors.Is.
var (
	// ErrFull says that the log has no room: MaxDiskBytes or MaxRecords is reached, or the file system is full. The record is
	// not in the log. Space comes back by Done, or from outside.
	ErrFull = errors.New("spill: full")
	// ErrUnavailable says that the file system does not do as it is told: read-only, gone, an I/O error.
	ErrUnavailable = errors.New("spill: storage unavailable")
	// ErrLocked says that another Log, of this process or another, uses the directory.
	ErrLocked = errors.New("spill: directory is in use")
	// ErrVersion says that a file has a format this version does not know. All files are left as they are.
	ErrVersion = errors.New("spill: unknown format version")
	// ErrTooLarge is what a record beyond MaxRecordBytes gets, or one that could never fit.
	ErrTooLarge = errors.New("spill: record is too large")
	// ErrSequence is what an append gets whose sequence number is 0 or waits in its lane already.
	ErrSequence = errors.New("spill: sequence number is taken")
	// ErrNotFound says that no such record waits.
	ErrNotFound = errors.New("spill: no such record")
	// ErrClosed is what calls after Close get.
	ErrClosed = errors.New("spill: closed")
)

// storageError gives an error of the file system its type.
func storageError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrFull), errors.Is(err, ErrUnavailable), errors.Is(err, ErrClosed):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", ErrFull, err)
	default:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
}
