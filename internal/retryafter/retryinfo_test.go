package retryafter

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func refusal(t *testing.T, wait time.Duration) *status.Status {
	t.Helper()
	s, err := status.New(codes.ResourceExhausted, "full").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	require.NoError(t, err)
	return s
}

func TestInStatusAndInError(t *testing.T) {
	wait, said := InStatus(refusal(t, 7*time.Second))
	assert.Equal(t, 7*time.Second, wait)
	assert.True(t, said)
	wait, said = InStatus(refusal(t, -time.Second))
	assert.Zero(t, wait)
	assert.True(t, said)
	_, said = InStatus(status.New(codes.ResourceExhausted, "full"))
	assert.False(t, said)
	_, said = InStatus(nil)
	assert.False(t, said)

	assert.Equal(t, 7*time.Second, InError(refusal(t, 7*time.Second).Err()))
	assert.Equal(t, 7*time.Second, InError(fmt.Errorf("sent: %w", refusal(t, 7*time.Second).Err())))
	assert.Equal(t, 7*time.Second, InError(errors.Join(errors.New("one"), refusal(t, 7*time.Second).Err())))
	assert.Zero(t, InError(errors.New("other")))
	assert.Zero(t, InError(nil))
}
