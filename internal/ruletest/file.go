package ruletest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"
)

// File is a file of tests.
type File struct {
	// Config is where the configuration is: a location or a list of them, later ones merged over earlier ones. Paths are
	// relative to the file. Default: what the caller says.
	Config locations `yaml:"config"`
	// Processors is the section of a configuration instead of a configuration.
	Processors yaml.Node `yaml:"processors"`
	// Streamer is the ID of the streamer to test, Pipeline a pipeline whose streamers are tested in their order. Default:
	// the only streamer there is.
	Streamer string `yaml:"streamer"`
	Pipeline string `yaml:"pipeline"`
	Tests    []Test `yaml:"tests"`

	path string
	root yaml.Node
}

// Test is one test. It begins with rules that remember nothing.
type Test struct {
	// Name tells the test from others of the file.
	Name string `yaml:"name"`
	// Streamer and Pipeline override those of the file.
	Streamer string `yaml:"streamer"`
	Pipeline string `yaml:"pipeline"`
	// Inputs are the batches, in order.
	Inputs []Input `yaml:"inputs"`
	// Expect is about all inputs together. Default: the outcome is printed.
	Expect *Expect `yaml:"expect"`
}

// Input is one batch.
type Input struct {
	// Metrics are the metrics: text as the page of a target that is scraped.
	Metrics `yaml:",inline"`
	// Target are the labels of the target. Default: job: test, instance: localhost:9090.
	Target map[string]string `yaml:"target"`
	// At is when the page was scraped, since the first moment. Default: a minute after the input before.
	At *time.Duration `yaml:"at"`
	// Report leaves up and the scrape_ metrics in the batch, as a receiver does. Default: false.
	Report bool `yaml:"report"`
	// Expect is about this input. Default: nothing.
	Expect *Expect `yaml:"expect"`
}

// Metrics are metrics in one of four ways.
type Metrics struct {
	Text     *string `yaml:"text"`
	TextFile string  `yaml:"text_file"`
	// OTLP is OTLP JSON: a string of it, or the same as YAML.
	OTLP     yaml.Node `yaml:"otlp"`
	OTLPFile string    `yaml:"otlp_file"`
}

// Expect is what is asserted.
type Expect struct {
	// Metrics are what comes out. Default: anything.
	Metrics `yaml:",inline"`
	// Rules are the counts of rules by name. Default: anything.
	Rules map[string]Expected `yaml:"rules"`
	// Error is a part of the error that a batch is refused with. Default: none is refused.
	Error string `yaml:"error"`
}

// Expected are counts of a rule. Default of each: anything.
type Expected struct {
	Matched *int `yaml:"matched"`
	Dropped *int `yaml:"dropped"`
	Changed *int `yaml:"changed"`
	Errors  *int `yaml:"errors"`
}

// locations is a string or a list of strings.
type locations []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *locations) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = locations{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}

// Read reads a file and joins all problems found. Each names the file and the line.
func Read(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path}
	strict := yaml.NewDecoder(bytes.NewReader(text))
	strict.KnownFields(true)
	switch err := strict.Decode(f); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: the file is empty", path)
	case err != nil:
		return nil, f.malformed(err)
	}
	if err := yaml.Unmarshal(text, &f.root); err != nil {
		return nil, f.malformed(err)
	}
	return f, f.validate()
}

var (
	yamlPrefix = regexp.MustCompile(`^yaml: (unmarshal errors:\n\s*)?`)
	unknownKey = regexp.MustCompile(`field (\S+) not found in type \S+`)
	goTypes    = regexp.MustCompile(`(into|in type) [*\[\]]*(map\[string\])?ruletest\.\w+`)
	lineFirst  = regexp.MustCompile(`(?m)^\s*line (\d+): `)
)

// malformed words an error of the YAML library for people who do not know this package.
func (f *File) malformed(err error) error {
	text := yamlPrefix.ReplaceAllString(err.Error(), "")
	text = unknownKey.ReplaceAllString(text, "unknown key $1")
	text = goTypes.ReplaceAllString(text, "where the format has something else")
	if !lineFirst.MatchString(text) {
		return fmt.Errorf("%s: %s", f.path, text)
	}
	return errors.New(lineFirst.ReplaceAllString(text, f.path+":$1: "))
}

// at resolves a path that the file names.
func (f *File) at(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.path), path)
}

// schemed are locations that are no paths, as the collector tells them.
var schemed = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)

// locations are where the configuration of the file is.
func (f *File) locations() ([]string, error) {
	var found []string
	for _, location := range f.Config {
		if !schemed.MatchString(location) {
			location = f.at(location)
		}
		found = append(found, location)
	}
	if f.Processors.Kind == 0 {
		return found, nil
	}
	section, err := yaml.Marshal(map[string]any{"processors": &f.Processors})
	return []string{"yaml:" + string(section)}, err
}
