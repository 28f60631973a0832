package promotlp

import (
	"bytes"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/prototext"
)

// families makes a page of protobuf from families written as text.
func families(tb testing.TB, texts ...string) string {
	tb.Helper()
	var b bytes.Buffer
	for _, text := range texts {
		f := &dto.MetricFamily{}
		require.NoError(tb, prototext.Unmarshal([]byte(text), f), text)
		_, err := protodelim.MarshalTo(&b, f)
		require.NoError(tb, err)
	}
	return b.String()
}
