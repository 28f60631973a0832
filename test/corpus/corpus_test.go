// Package corpus keeps the test data honest: a file that no test reads proves nothing.
package corpus

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const root = "../.."

// generated are folders of testdata that tools write and read: the fuzzer's seeds, and what rapid keeps of a property
// that failed.
var generated = regexp.MustCompile(`/testdata/(fuzz|rapid)/`)

// TestEveryFileOfTestdataIsReferenced finds each file by name, or by a pattern that is globbed, in the code of a test.
func TestEveryFileOfTestdataIsReferenced(t *testing.T) {
	tests := testCode(t)
	checked := 0
	walk(t, func(path string) {
		if !strings.Contains(path, "/testdata/") || generated.MatchString(path) {
			return
		}
		checked++
		assert.True(t, referenced(path, tests), "%s: no test reads it", path)
	})
	assert.Positive(t, checked)
}

// testCode is the text of every test file, by its folder.
func testCode(t *testing.T) map[string]string {
	t.Helper()
	code := map[string]string{}
	walk(t, func(path string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		code[filepath.Dir(path)] += string(text)
	})
	return code
}

func walk(t *testing.T, visit func(path string)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			visit(path)
		}
		return err
	}))
}

var pattern = regexp.MustCompile(`"[^"\s]*\*[^"\s]*"`)

// referenced tells whether a test names the file or globs it: the tests of the package that owns the testdata by
// any pattern, others by one that names the file's folder too.
func referenced(file string, tests map[string]string) bool {
	owner, _, _ := strings.Cut(file, "/testdata/")
	for dir, code := range tests {
		if strings.Contains(code, filepath.Base(file)) {
			return true
		}
		for _, p := range pattern.FindAllString(code, -1) {
			p = strings.Trim(p, `"`)
			matches, _ := filepath.Match(filepath.Base(p), filepath.Base(file))
			if matches && (dir == owner || filepath.Base(filepath.Dir(p)) == filepath.Base(filepath.Dir(file))) {
				return true
			}
		}
	}
	return false
}
