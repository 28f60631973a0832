package report

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/sluice-metrics/sluice/bench/internal/proc"
)

// Machine is what a run was measured on.
type Machine struct {
	CPU    string
	Cores  int
	Memory int64 // bytes
	Kernel string
	Go     string
}

// ThisMachine asks the system. What it does not tell stays empty.
func ThisMachine() Machine {
	return Machine{
		CPU:    cpuModel(),
		Cores:  runtime.NumCPU(),
		Memory: proc.TotalMemory(),
		Kernel: strings.TrimSpace(read("/proc/sys/kernel/osrelease")),
		Go:     runtime.Version(),
	}
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.1f GiB, Linux %s, %s %s", m.CPU, m.Cores, float64(m.Memory)/(1<<30), m.Kernel, m.Go, runtime.GOARCH)
}

func cpuModel() string {
	for line := range strings.Lines(read("/proc/cpuinfo")) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func read(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return string(b)
}
