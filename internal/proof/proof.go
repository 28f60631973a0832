// Package proof sizes the random proofs of the packages that import it, which `go test ./...` cannot do by flag: not
// every package knows rapid's flags. PROOF_CHECKS is the number of cases a property is tried on (default 100),
// PROOF_SEED makes them the same each time (default: new ones).
package proof

import (
	"flag"
	"os"

	_ "pgregory.net/rapid" // registers the flags before they are set here
)

func init() {
	set("rapid.checks", os.Getenv("PROOF_CHECKS"))
	set("rapid.seed", os.Getenv("PROOF_SEED"))
}

// set panics on a value that is no number: a proof of the wrong size would pass in silence.
func set(name, value string) {
	if value == "" {
		return
	}
	if err := flag.Set(name, value); err != nil {
		panic(err)
	}
}
