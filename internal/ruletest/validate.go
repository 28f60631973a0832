package ruletest

import (
	"errors"
	"maps"
	"slices"
)

// validate joins all that is wrong with a file by itself.
func (f *File) validate() error {
	var errs []error
	if len(f.Config) > 0 && f.Processors.Kind != 0 {
		errs = append(errs, f.problemf(place{"processors"}, "must not stand beside config"))
	}
	errs = append(errs, f.oneSubject(nil, f.Streamer, f.Pipeline))
	if len(f.Tests) == 0 {
		errs = append(errs, f.problemf(place{"tests"}, "at least one test must be there"))
	}
	names := map[string]int{}
	for i := range f.Tests {
		p := place{"tests", i}
		if first, taken := names[f.Tests[i].Name]; taken && f.Tests[i].Name != "" {
			errs = append(errs, f.problemf(p.in("name"), "%q is the name of tests[%d] too", f.Tests[i].Name, first))
		}
		names[f.Tests[i].Name] = i
		errs = append(errs, f.validateTest(p, &f.Tests[i]))
	}
	return errors.Join(errs...)
}

func (f *File) oneSubject(p place, streamer, pipeline string) error {
	if streamer != "" && pipeline != "" {
		return f.problemf(p.in("pipeline"), "must not stand beside streamer")
	}
	return nil
}

func (f *File) validateTest(p place, t *Test) error {
	var errs []error
	if t.Name == "" {
		errs = append(errs, f.problemf(p.in("name"), "must be there"))
	}
	errs = append(errs, f.oneSubject(p, t.Streamer, t.Pipeline), f.validateExpect(p.in("expect"), t.Expect))
	if len(t.Inputs) == 0 {
		errs = append(errs, f.problemf(p.in("inputs"), "at least one input must be there"))
	}
	for i := range t.Inputs {
		errs = append(errs, f.validateInput(p.in("inputs", i), &t.Inputs[i]))
	}
	return errors.Join(errs...)
}

func (f *File) validateInput(p place, in *Input) error {
	var errs []error
	if in.given() != 1 {
		errs = append(errs, f.problemf(p, "exactly one of text, text_file, otlp and otlp_file must be there"))
	}
	if !in.isText() && (in.Target != nil || in.At != nil || in.Report) {
		errs = append(errs, f.problemf(p, "target, at and report are for text and text_file"))
	}
	return errors.Join(append(errs, f.validateExpect(p.in("expect"), in.Expect))...)
}

func (f *File) validateExpect(p place, e *Expect) error {
	if e == nil {
		return nil
	}
	var errs []error
	given := e.given()
	if given > 1 {
		errs = append(errs, f.problemf(p, "only one of text, text_file, otlp and otlp_file may be there"))
	}
	if given == 0 && len(e.Rules) == 0 && e.Error == "" {
		errs = append(errs, f.problemf(p, "must not be empty: text, text_file, otlp, otlp_file, rules or error must be there"))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Rules)) {
		if e.Rules[name] == (Expected{}) {
			errs = append(errs, f.problemf(p.in("rules", name), "matched, dropped, changed or errors must be there"))
		}
	}
	return errors.Join(errs...)
}

// given is under how many keys there are metrics.
func (m *Metrics) given() int {
	n := 0
	for _, given := range []bool{m.Text != nil, m.TextFile != "", m.OTLP.Kind != 0, m.OTLPFile != ""} {
		if given {
			n++
		}
	}
	return n
}

func (m *Metrics) isText() bool { return m.Text != nil || m.TextFile != "" }
