package ruletest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Options are how tests are run.
type Options struct {
	// Verbose prints the outcome of each test, also of those that assert something.
	Verbose bool
	// OTLP prints outcomes as OTLP JSON instead of text.
	OTLP bool
}

// Tally counts tests. Shown are those that assert nothing.
type Tally struct{ Passed, Failed, Shown int }

// Add adds another tally.
func (t *Tally) Add(o Tally) {
	t.Passed += o.Passed
	t.Failed += o.Failed
	t.Shown += o.Shown
}

// Run runs the tests of a file and reports on each to w. An error means that the file, its configuration or an input
// cannot be used: it joins all such problems found, and the tests without any have been run.
func Run(ctx context.Context, path string, load Loader, o Options, w io.Writer) (Tally, error) {
	f, err := Read(path)
	if err != nil {
		return Tally{}, err
	}
	locations, err := f.locations()
	if err != nil {
		return Tally{}, f.problem(place{"processors"}, err)
	}
	config, err := load(ctx, locations)
	if err != nil {
		return Tally{}, f.problem(f.configPlace(), err)
	}
	s := suite{file: f, config: config, options: o, w: w}
	var errs []error
	for i := range f.Tests {
		if err := s.test(ctx, place{"tests", i}, &f.Tests[i]); err != nil {
			errs = append(errs, err)
		}
	}
	return s.tally, errors.Join(errs...)
}

// configPlace is where a file says which configuration it is about.
func (f *File) configPlace() place {
	switch {
	case len(f.Config) > 0:
		return place{"config"}
	case f.Processors.Kind != 0:
		return place{"processors"}
	default:
		return nil
	}
}

// suite runs the tests of one file.
type suite struct {
	file    *File
	config  Configuration
	options Options
	w       io.Writer
	tally   Tally
}

// verdict gathers the failures of one test.
type verdict struct {
	failures []string
	asserted bool
}

func (v *verdict) fail(head string, lines ...string) {
	v.failures = append(v.failures, head)
	for _, line := range lines {
		v.failures = append(v.failures, "  "+line)
	}
}

func (s *suite) test(ctx context.Context, p place, t *Test) error {
	c, err := s.chain(p, t)
	if err != nil {
		return err
	}
	feed, total, v := newFeed(s.file), newOutcome(), &verdict{}
	for i := range t.Inputs {
		in, at := &t.Inputs[i], p.in("inputs", i)
		md, err := feed.batch(at, in)
		if err != nil {
			return err
		}
		o := c.run(ctx, md)
		if err := s.check(at, in.Expect, o, v); err != nil {
			return err
		}
		if o.refused != nil && !expectsError(in.Expect) && !expectsError(t.Expect) {
			v.fail(at.String()+": the batch was refused:", o.refused.Error())
		}
		total.add(o)
	}
	if err := s.check(p, t.Expect, total, v); err != nil {
		return err
	}
	return s.report(p, t, total, v)
}

func expectsError(e *Expect) bool { return e != nil && e.Error != "" }

// chain compiles the rules of a test anew.
func (s *suite) chain(p place, t *Test) (*chain, error) {
	streamer, pipeline, at := t.Streamer, t.Pipeline, p
	if streamer == "" && pipeline == "" {
		streamer, pipeline, at = s.file.Streamer, s.file.Pipeline, nil
	}
	c := &chain{ids: []string{streamer}}
	if streamer == "" {
		ids, err := s.streamers(at, pipeline)
		if err != nil {
			return nil, err
		}
		c.ids = ids
	}
	for _, id := range c.ids {
		r, err := s.config.Rules(id)
		if err != nil {
			key := "pipeline"
			if streamer != "" {
				key = "streamer"
			}
			return nil, s.file.problem(s.subject(at, key), err)
		}
		c.rules = append(c.rules, r)
	}
	return c, nil
}

// subject is the place of a key that says what to test, or where it could stand.
func (s *suite) subject(p place, key string) place {
	if p == nil && s.file.Streamer == "" && s.file.Pipeline == "" {
		return s.file.configPlace()
	}
	return p.in(key)
}

func (s *suite) streamers(p place, pipeline string) ([]string, error) {
	ids, err := s.config.Streamers(pipeline)
	switch {
	case err != nil:
		return nil, s.file.problem(s.subject(p, "pipeline"), err)
	case len(ids) == 0:
		return nil, s.file.problemf(s.subject(p, "pipeline"), "there is no streamer")
	case pipeline == "" && len(ids) > 1:
		return nil, s.file.problemf(s.subject(p, "streamer"),
			"there are several streamers: name one of %q under streamer, or a pipeline under pipeline", ids)
	}
	return ids, nil
}

// check compares an outcome with what is expected at a place.
func (s *suite) check(p place, e *Expect, o *outcome, v *verdict) error {
	if e == nil {
		return nil
	}
	v.asserted = true
	p = p.in("expect")
	if err := s.checkMetrics(p, &e.Metrics, o.out, v); err != nil {
		return err
	}
	if e.Error != "" && (o.refused == nil || !strings.Contains(o.refused.Error(), e.Error)) {
		v.fail(s.where(p.in("error")), fmt.Sprintf("expected %q, got %v", e.Error, o.refused))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Rules)) {
		c, err := o.count(name)
		if err != nil {
			return s.file.problem(p.in("rules", name), err)
		}
		if d := e.Rules[name].differences(c); d != nil {
			v.fail(s.where(p.in("rules", name)), d...)
		}
	}
	return nil
}

func (s *suite) checkMetrics(p place, want *Metrics, got pmetric.Metrics, v *verdict) error {
	if want.given() == 0 {
		return nil
	}
	var different []string
	key := "otlp"
	if want.isText() {
		text, k, err := s.file.text(p, want)
		if err != nil {
			return err
		}
		key = k
		expected, err := parse(text)
		if err != nil {
			return s.file.inText(p.in(key), err)
		}
		different = compareText(expected, got)
	} else {
		expected, err := s.file.otlp(p, want)
		if err != nil {
			return err
		}
		if different, err = compareOTLP(expected, got); err != nil {
			return err
		}
	}
	if different != nil {
		v.fail(s.where(p.in(key))+": - is expected, + came out", different...)
	}
	return nil
}

// where names a place and its line.
func (s *suite) where(p place) string { return fmt.Sprintf("%s, line %d", p, s.file.node(p).Line) }
