package scrapeconfig

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	promconfig "github.com/prometheus/prometheus/config"
	"go.yaml.in/yaml/v3"
)

// Config is what to scrape.
type Config struct {
	Global promconfig.GlobalConfig
	// Jobs are those of the file itself and of its scrape_config_files, with the defaults of Global.
	Jobs []*promconfig.ScrapeConfig
	// Ignored are the sections that were there and have no effect.
	Ignored []string
}

// Load reads a Prometheus file. Relative paths in it start from its folder.
func Load(path string, log *slog.Logger) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cfg, err := parse(text, filepath.Dir(path), log)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// FromMap reads a section of the collector's configuration. Relative paths in it start from the working directory.
func FromMap(section map[string]any, log *slog.Logger) (*Config, error) {
	if err := checkTexts(section); err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(section)
	if err != nil {
		return nil, err
	}
	cfg, err := parse(text, "", log)
	if err != nil {
		return nil, errors.New(ownLines.ReplaceAllString(err.Error(), ""))
	}
	return cfg, nil
}

// ownLines are numbers of lines that the user has not written: the section has been made text again.
var ownLines = regexp.MustCompile(`line \d+: `)

// parse keeps the numbers of lines, so that errors name those of the user's file.
func parse(text []byte, dir string, log *slog.Logger) (*Config, error) {
	doc, err := readDocument(text)
	if err != nil {
		return nil, err
	}
	if err := doc.checkDiscovery(); err != nil {
		return nil, err
	}
	text, ignored := doc.withoutSections(text)
	loaded, err := promconfig.Load(string(text), log)
	if err != nil {
		return nil, err
	}
	loaded.SetDirectory(dir)
	if err := checkFiles(loaded.ScrapeConfigFiles); err != nil {
		return nil, err
	}
	jobs, err := loaded.GetScrapeConfigs()
	if err != nil {
		return nil, err
	}
	return &Config{Global: loaded.GlobalConfig, Jobs: jobs, Ignored: ignored}, nil
}

// checkFiles checks the discovery of files with more jobs; all else about them is Prometheus' business.
func checkFiles(patterns []string) error {
	var errs []error
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			errs = append(errs, fmt.Errorf("`scrape_config_files`: %q: %w", pattern, err))
		}
		for _, file := range files {
			if err := checkFile(file); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", file, err))
			}
		}
	}
	return errors.Join(errs...)
}

func checkFile(path string) error {
	text, err := os.ReadFile(path) //nolint:gosec // a file the user names
	if err != nil {
		return err
	}
	doc, err := readDocument(text)
	if err != nil {
		return err
	}
	return doc.checkDiscovery()
}
