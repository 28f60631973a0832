package target

import (
	"fmt"
	"strconv"
	"strings"
)

// labelCount returns 3 to 12: half of the series as few as node_exporter's, a third as kube-state-metrics', the rest as
// many as cAdvisor's; 5.6 in the mean.
func labelCount(noise uint64) int {
	share, rest := noise%100, int(noise>>8%8)
	switch {
	case share < 50:
		return 3 + rest%2
	case share < 83:
		return 5 + rest%4
	default:
		return 9 + rest%4
	}
}

// labelSet renders n labels of usual names and lengths. The first holds the series' number, so no two sets are equal.
func labelSet(noise uint64, series, n int) string {
	app := pick(noise, "api-gateway", "checkout-worker", "search-indexer", "coredns", "node-exporter", "image-resizer")
	pod := fmt.Sprintf("%s-%08x-%05d", app, uint32(noise), series)
	all := [...]string{
		`device="` + pick(noise>>3, "sda", "nvme0n1", "eth0", "cilium_host") + "-" + strconv.Itoa(series) + `"`,
		`mode="` + pick(noise>>5, "idle", "user", "system", "iowait", "steal") + `"`,
		`namespace="` + pick(noise>>7, "default", "kube-system", "payments", "checkout", "monitoring") + `"`,
		`pod="` + pod + `"`,
		`container="` + app + `"`,
		fmt.Sprintf(`node="ip-10-12-%d-%d.eu-west-1.compute.internal"`, noise>>9%255, noise>>17%255),
		fmt.Sprintf(`uid="%08x-0000-4000-8000-%012x"`, uint32(noise>>11), noise>>16),
		`image="registry.example.test/platform/` + app + fmt.Sprintf(`:v1.%d.%d"`, noise>>13%40, noise>>19%9),
		`phase="` + pick(noise>>21, "Running", "Pending", "Failed", "Succeeded", "Unknown") + `"`,
		`created_by_kind="ReplicaSet"`,
		fmt.Sprintf(`id="/kubepods/burstable/pod%016x/%016x%016x"`, noise, noise>>1, noise>>2),
		`name="k8s_` + app + "_" + pod + `"`,
	}
	return strings.Join(all[:n], ",")
}

func pick(noise uint64, of ...string) string { return of[noise%uint64(len(of))] }
