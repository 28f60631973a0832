package exposition

import (
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestContentTypeIsUnderstood asks Prometheus which parser it takes for each.
func TestContentTypeIsUnderstood(t *testing.T) {
	parsers := map[Kind]textparse.Parser{
		Text: &textparse.PromParser{}, OpenMetrics: &textparse.OpenMetricsParser{}, Protobuf: &textparse.ProtobufParser{},
	}
	for _, o := range offers {
		for _, scheme := range []model.EscapingScheme{model.NoEscaping, model.UnderscoreEscaping, model.DotsEscaping, model.ValueEncodingEscaping} {
			format := Format{Kind: o.kind, Version: o.version, Escaping: scheme}
			parser, err := textparse.New(nil, format.ContentType(), labels.NewSymbolTable(), textparse.ParserOptions{})
			require.NoError(t, err)
			assert.IsType(t, parsers[o.kind], parser)
			assert.Equal(t, format, Negotiate(accept(format.ContentType())), "what is answered can be asked for")
			assert.Equal(t, scheme, format.expfmt().ToEscapingScheme())
		}
	}
}
