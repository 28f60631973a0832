package spill

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockDirectory holds the directory until the file is closed, also by the end of the process.
func lockDirectory(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, storageError(err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = fmt.Errorf("%w: %s is locked by another process or component", ErrLocked, path)
	default:
		err = storageError(fmt.Errorf("lock %s: %w", path, err))
	}
	return nil, errors.Join(err, f.Close())
}
