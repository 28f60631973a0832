package proc

import "net"

// FreeAddresses returns n loopback addresses whose ports were free a moment ago, all different.
func FreeAddresses(n int) ([]string, error) {
	out := make([]string, n)
	for i := range out {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding a loopback port does not block
		if err != nil {
			return nil, err
		}
		defer l.Close() //nolint:errcheck // all stay bound until the last is found, so that none comes twice
		out[i] = l.Addr().String()
	}
	return out, nil
}
