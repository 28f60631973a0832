package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluice-metrics/sluice/bench/conf"
	"github.com/sluice-metrics/sluice/bench/internal/proc"
)

const (
	readyWithin = 30 * time.Second
	stopWithin  = 30 * time.Second
	launches    = 3 // a port found free may be taken by the time it is used
)

// instance is a subject that runs, and its addresses.
type instance struct {
	*proc.Process
	address map[string]string
	ready   time.Duration // from exec to the first connection accepted
}

// addresses that each instance is given: two for OTLP, the page, and its own telemetry.
var addressNames = []string{"GRPC", "HTTP", "PULL", "TELEMETRY"}

// launch starts the subject with the configuration and waits until it accepts connections at the address so named.
func (r *run) launch(ctx context.Context, name, ready string, vars map[string]string) (*instance, error) {
	var err error
	for range launches {
		var i *instance
		if i, err = r.launchOnce(ctx, name, ready, vars); err == nil {
			return i, nil
		}
		if !errors.Is(err, proc.ErrNotReady) || !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	return nil, fmt.Errorf("start %s with %s: %w", r.Subject.Name, name, err)
}

func (r *run) launchOnce(ctx context.Context, name, ready string, vars map[string]string) (*instance, error) {
	free, err := proc.FreeAddresses(len(addressNames))
	if err != nil {
		return nil, err
	}
	all := maps.Clone(vars)
	if all == nil {
		all = map[string]string{}
	}
	for i, key := range addressNames {
		all[key] = free[i]
	}
	if _, all["TELEMETRY_PORT"], err = net.SplitHostPort(all["TELEMETRY"]); err != nil {
		return nil, err
	}
	text, err := conf.Render(r.Subject.Name, name, all)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(r.lab.dir, r.Subject.Name+"-"+name+"-")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	p, err := proc.Start(ctx, filepath.Join(dir, "log"), r.Subject.Path, r.Subject.arguments(file, dir, all)...)
	if err != nil {
		return nil, err
	}
	took, err := p.Listening(ctx, all[ready], readyWithin)
	if err != nil {
		p.Kill()
		return nil, err
	}
	return &instance{Process: p, address: all, ready: took}, nil
}

// arguments of the program's command line.
func (s Subject) arguments(config, dir string, vars map[string]string) []string {
	switch s.Name {
	case "vmagent":
		return []string{
			"-promscrape.config=" + config,
			"-remoteWrite.url=http://" + vars["SINK"] + "/api/v1/write",
			"-remoteWrite.forcePromProto",
			"-remoteWrite.tmpDataPath=" + filepath.Join(dir, "data"),
			"-httpListenAddr=" + vars["TELEMETRY"],
		}
	case "prometheus":
		return []string{
			"--agent",
			"--config.file=" + config,
			"--storage.agent.path=" + filepath.Join(dir, "data"),
			"--web.listen-address=" + vars["TELEMETRY"],
		}
	default:
		return []string{"--config", config}
	}
}

// spent runs work and returns the CPU time that the instance took for it. A moment after the work belongs to it, for
// what a process does late.
func (i *instance) spent(ctx context.Context, work func() error) (time.Duration, error) {
	before, err := i.Usage()
	if err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	if err := sleep(ctx, 200*time.Millisecond); err != nil {
		return 0, err
	}
	after, err := i.Usage()
	return after.CPU - before.CPU, err
}

// sleep waits, or returns why not.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
