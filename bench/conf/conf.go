// Package conf holds the configurations that the bench runs its subjects with, one per scenario.
//
// A subject's own folder comes first; Sluice and contrib share what is equal for both in collector/. A scenario
// that has no configuration for a subject is not run with it, so adding a file adds the row.
package conf

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
)

//go:embed collector contrib prometheus sluice vmagent
var files embed.FS

var variable = regexp.MustCompile(`\$\{env:([A-Z_]+)\}`)

// Has tells whether the subject has a configuration of that name.
func Has(subject, name string) bool {
	_, err := find(subject, name)
	return err == nil
}

// Render returns the subject's configuration with every ${env:NAME} replaced from vars. One that vars lacks is an error.
func Render(subject, name string, vars map[string]string) ([]byte, error) {
	text, err := find(subject, name)
	if err != nil {
		return nil, err
	}
	var missing error
	out := variable.ReplaceAllFunc(text, func(m []byte) []byte {
		key := string(variable.FindSubmatch(m)[1])
		v, ok := vars[key]
		if !ok && missing == nil {
			missing = fmt.Errorf("%s of %s: no value for %s", name, subject, key)
		}
		return []byte(v)
	})
	return out, missing
}

func find(subject, name string) ([]byte, error) {
	file := name + ".yaml"
	text, err := fs.ReadFile(files, path.Join(subject, file))
	if err == nil || (subject != "sluice" && subject != "contrib") {
		return text, err
	}
	return fs.ReadFile(files, path.Join("collector", file))
}
