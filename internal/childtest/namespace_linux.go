package childtest

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// RunInNamespace is Run in a user and mount namespace of its own, where the part may mount.
func RunInNamespace(t *testing.T, name string) {
	t.Helper()
	cmd := Command(t.Context(), name)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	run(t, cmd)
}

func isForbidden(err error) bool { return errors.Is(err, syscall.EPERM) }

// RegisterOnTmpfs names a part that runs in a directory which is a file system of that size, such as 512k, in a namespace.
func RegisterOnTmpfs(name, size string, run func(t T, dir string)) {
	Register(name, func() {
		dir, err := os.Getwd()
		if err == nil {
			err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
		}
		if err != nil {
			Skip("no tmpfs can be mounted here:", err)
		}
		run(T{}, dir)
	})
}
