package scenario

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runner runs the cases on two subjects that are never started.
func runner(rounds int, budget time.Duration, cases ...Case) *Runner {
	return &Runner{
		Plan:     Plan{Rounds: rounds, Budget: budget, Cases: cases},
		Subjects: []Subject{{Name: Sluice}, {Name: Contrib}},
		Progress: func(string, ...any) {},
	}
}

// spy is a case that tells who was given it.
func spy(name string, given *[]string) Case {
	return Case{Scenario: "S0", Name: name, confs: []string{"nop"}, run: func(_ context.Context, r *run) ([]Value, error) {
		*given = append(*given, name+":"+r.Subject.Name)
		return []Value{{Measure: "m", V: float64(len(*given))}}, nil
	}}
}

func TestRunner_TakesTurns(t *testing.T) {
	var given []string
	results, err := runner(2, time.Hour, spy("a", &given), spy("b", &given)).Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{
		"a:sluice", "a:contrib", "b:sluice", "b:contrib",
		"a:contrib", "a:sluice", "b:contrib", "b:sluice",
	}, given)
	require.Len(t, results, 2)
	assert.Equal(t, Run{Subject: Contrib, Round: 1, Values: []Value{{Measure: "m", V: 5}}}, results[0].Runs[2])
}

func TestRunner_LeavesOutRoundsThatDoNotFit(t *testing.T) {
	var given []string
	_, err := runner(3, 0, spy("a", &given)).Run(t.Context())
	require.NoError(t, err)
	assert.Len(t, given, 2, "the first round is run in any case")

	given = nil
	c := spy("a", &given)
	c.once = true
	_, err = runner(3, time.Hour, c).Run(t.Context())
	require.NoError(t, err)
	assert.Len(t, given, 2)
}

func TestRunner_GoesOnAfterAFailure(t *testing.T) {
	var given []string
	bad := Case{Scenario: "S0", Name: "bad", confs: []string{"nop"}, run: func(_ context.Context, r *run) ([]Value, error) {
		if r.Subject.Name == Contrib {
			return nil, errors.New("no\nmore of it")
		}
		return nil, nil
	}}
	results, err := runner(2, time.Hour, bad, spy("a", &given)).Run(t.Context())
	require.ErrorContains(t, err, "S0 bad, contrib: no")
	assert.Equal(t, "failed: no", results[0].Problems[Contrib])
	assert.Len(t, results[0].Runs, 2, "Sluice has both rounds")
	assert.Len(t, given, 4)
}

func TestRunner_SkipsWhoHasNoConfiguration(t *testing.T) {
	var given []string
	c := spy("a", &given)
	c.confs = []string{"no_such"}
	results, err := runner(1, time.Hour, c).Run(t.Context())
	require.NoError(t, err)
	assert.Empty(t, given)
	assert.Equal(t, map[string]string{Sluice: ToCome, Contrib: NotGiven}, results[0].Problems)
}

func TestRunner_LeavesOutWhatThereIsNoMemoryFor(t *testing.T) {
	var given []string
	c := spy("a", &given)
	c.memory = 1 << 60
	results, err := runner(1, time.Hour, c).Run(t.Context())
	require.NoError(t, err)
	assert.Empty(t, given)
	assert.Contains(t, results[0].Problems[Contrib], "free memory")
}

func TestRunner_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var given []string
	last := spy("a", &given)
	first := Case{Scenario: "S0", Name: "first", confs: []string{"nop"}, run: func(context.Context, *run) ([]Value, error) {
		cancel()
		return nil, nil
	}}
	_, err := runner(1, time.Hour, first, last).Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, given)
}
