package rulestest

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// Grammar draws OTTL texts of one context: well typed for the most part, so that they do something, and ill typed now and
// then.
type Grammar struct {
	// Context is that of the paths that are drawn, and of those before it in Contexts.
	Context string
	// Short leaves out the context of paths of Context itself, where that is known from elsewhere.
	Short bool
	// Functions are those on offer.
	Functions []Signature
	// Without names functions that are not to be drawn.
	Without []string
	// Ordered draws nothing that makes something of a map of Go's, which has another order each time.
	Ordered bool
	// Lambdas draws lambda expressions, which OTTL refuses unless a feature gate is on.
	Lambdas bool

	t *rapid.T
}

// Random are the converters that answer differently each time.
var Random = []string{"UUID", "UUIDv7", "Now"}

// unordered are functions whose outcome has the order of a map of Go's.
var unordered = []string{
	"ParseJSON", "ParseKeyValue", "ParseCSV", "ParseXML", "ParseSimplifiedXML", "ExtractPatterns", "ExtractGrokPatterns", "URL",
	"UserAgent", "SliceToMap", "flatten", "ToKeyValueString",
}

// Draw binds the grammar to a source.
func (g Grammar) Draw(t *rapid.T) *Grammar {
	g.t = t
	return &g
}

func (g *Grammar) below(n int) int { return rapid.IntRange(0, n-1).Draw(g.t, "choice") }

// chance is true in one of n cases.
func (g *Grammar) chance(n int) bool { return g.below(n) == n-1 }

func pick[T any](g *Grammar, list []T) T { return list[g.below(len(list))] }

// Condition is a boolean expression. One without any path has no context that could be inferred, so there is one mostly.
func (g *Grammar) Condition() string {
	text := g.boolean(2)
	if !g.Short && !strings.Contains(text, g.Context+".") && !g.chance(40) {
		return "(" + text + ") and " + g.path(pick(g, types), true) + " != nil"
	}
	return text
}

// Statement is a call of an editor, mostly with a where clause.
func (g *Grammar) Statement() string {
	if g.chance(40) {
		return g.lists()
	}
	call := g.set()
	if g.below(5) < 3 {
		call = g.call(pick(g, g.functions(true)), 2)
	}
	if g.chance(2) {
		return call
	}
	return call + " where " + g.boolean(2)
}

// lists is a statement that moves a list or a slice of points about.
func (g *Grammar) lists() string {
	return fmt.Sprintf("set(%s, %s)", g.path(Any, true), g.path(Any, true))
}

// Statements are some statements of one group. One that copies its metric comes first and cannot meet its own copy: contrib
// would go on for ever.
func (g *Grammar) Statements(most int) []string {
	var list []string
	for range 1 + g.below(most) {
		list = append(list, g.Statement())
	}
	if g.Context == "metric" && g.chance(12) {
		name := `metric.name`
		if g.Short {
			name = `name`
		}
		list = append([]string{`copy_metric(name="copy") where ` + name + ` != "copy" and (` + g.boolean(1) + `)`}, list...)
	}
	return list
}

func (g *Grammar) functions(editors bool) []Signature {
	var list []Signature
	for _, s := range g.Functions {
		left := slices.Contains(g.Without, s.Name) || g.Ordered && slices.Contains(unordered, s.Name) || !g.Lambdas && s.lambda()
		if s.Editor() == editors && s.Name != "copy_metric" && !left {
			list = append(list, s)
		}
	}
	return list
}

func (s Signature) lambda() bool {
	return slices.ContainsFunc(s.Args, func(a Arg) bool { return a.Kind == "LambdaExpression" && !a.Optional })
}

func (g *Grammar) set() string {
	of := pick(g, types)
	target := g.path(of, true)
	if g.chance(8) {
		of = pick(g, types)
	}
	return fmt.Sprintf("set(%s, %s)", target, g.value(of, 2))
}

func (g *Grammar) boolean(depth int) string {
	if depth == 0 {
		return g.comparison(1)
	}
	switch g.below(10) {
	case 0:
		return pick(g, []string{"true", "false"})
	case 1:
		return "not " + g.boolean(0)
	case 2:
		return "(" + g.boolean(depth-1) + ")"
	case 3:
		return g.boolean(depth-1) + " and " + g.boolean(depth-1)
	case 4:
		return g.boolean(depth-1) + " or " + g.boolean(depth-1)
	case 5, 6:
		if c := g.converter(Bool, depth-1); c != "" {
			return c
		}
	}
	return g.comparison(depth)
}

var operators = []string{"==", "==", "==", "!=", "!=", "<", "<=", ">", ">="}

func (g *Grammar) comparison(depth int) string {
	of := pick(g, types)
	left, right := g.value(of, depth), ""
	switch g.below(8) {
	case 0:
		return left + pick(g, []string{" == ", " != "}) + "nil"
	case 1:
		right = g.value(pick(g, types), depth-1)
	default:
		right = g.value(of, depth-1)
	}
	return left + " " + pick(g, operators) + " " + right
}

// value is an expression, of the type unless nobody knows.
func (g *Grammar) value(of Type, depth int) string {
	if of == Any {
		if p := g.path(Any, false); p != "" && g.chance(3) {
			return p
		}
		of = pick(g, types)
	}
	kind := g.below(10)
	switch {
	case kind < 4:
		if p := g.path(of, false); p != "" {
			return p
		}
	case kind < 7 && depth > 0:
		if c := g.converter(of, depth-1); c != "" {
			return c
		}
	case kind == 7 && depth > 0 && (of == Int || of == Float || of == Time || of == Duration):
		return g.arithmetic(of, depth-1)
	}
	return g.literal(of, depth)
}

func (g *Grammar) arithmetic(of Type, depth int) string {
	right := of
	if of == Time {
		right = Duration
	} else if g.chance(6) {
		right = pick(g, []Type{Int, Float})
	}
	text := g.value(of, depth) + " " + pick(g, []string{"+", "-", "*", "/"}) + " " + g.value(right, depth)
	if g.chance(3) {
		return "(" + text + ")"
	}
	return text
}

var (
	texts    = []string{"dev", "prod", "200", "500", "go_threads", "http_requests", "", "x", "a/b-c d", "Ünïcode", "1.5", "true", "eyJhIjogMX0=", `{\"a\": 1}`, "k=v a=b", "10.1.2.3", "by_copy"}
	patterns = []string{"^d", "o", "^(i|e)", "[0-9]+", "(.)(.*)", "^$", ".*", "d*", "(?P<a>.)o"}
	enums    = []string{"METRIC_DATA_TYPE_GAUGE", "METRIC_DATA_TYPE_SUM", "METRIC_DATA_TYPE_HISTOGRAM", "METRIC_DATA_TYPE_SUMMARY", "METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM", "METRIC_DATA_TYPE_NONE", "AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_CUMULATIVE", "FLAG_NO_RECORDED_VALUE"}
)

func (g *Grammar) text() string { return `"` + pick(g, texts) + `"` }

func (g *Grammar) literal(of Type, depth int) string {
	switch of {
	case String:
		return g.text()
	case Int:
		if g.chance(5) && g.Context != "resource" && g.Context != "scope" {
			return pick(g, enums)
		}
		if g.chance(10) && (g.Context == "metric" || g.Context == "datapoint") {
			return "Len(metric.data_points)" // what a lesson of one point would tell wrong
		}
		return pick(g, []string{"0", "1", "2", "3", "7", "-1", "1000", "9223372036854775807"})
	case Float:
		return pick(g, []string{"0.0", "1.5", "2.0", "-0.25", "1.0e300", ".5"})
	case Bool:
		return pick(g, []string{"true", "false"})
	case Bytes:
		return pick(g, []string{"0x00", "0xc0ffee", "0x0102030405060708", "0x0102030405060708090a0b0c0d0e0f10"})
	case Time:
		return pick(g, []string{`Unix(1700000000)`, `Unix(0, 5)`, `Time("2024-02-03", "%Y-%m-%d")`})
	case Duration:
		return pick(g, []string{`Duration("1h")`, `Duration("1500ms")`})
	case Map:
		if depth <= 0 {
			return "{}"
		}
		if g.Ordered {
			return pick(g, []string{`{}`, `{"env": ` + g.value(String, 0) + `}`})
		}
		return pick(g, []string{`{}`, `{"env": ` + g.value(String, 0) + `}`, `{"n": 1, "env": {"x": ` + g.value(Any, 0) + `}}`})
	case List:
		return g.list(depth)
	case Any:
	}
	return "nil"
}

func (g *Grammar) list(depth int) string {
	if depth <= 0 {
		return "[]"
	}
	var items []string
	for range g.below(4) {
		items = append(items, g.value(Any, depth-1))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// path is one of the type, empty if there is none. A target is of the context itself for the most part.
func (g *Grammar) path(of Type, target bool) string {
	at := slices.Index(Contexts, g.Context)
	if target {
		at = max(0, at-max(0, g.below(6)-3))
	} else {
		at = g.below(at + 1 + 3)
		at = min(at, slices.Index(Contexts, g.Context))
	}
	context := Contexts[at]
	var fitting []string
	for _, p := range paths[context] {
		if p.name == "cache" && context != g.Context && !g.chance(400) {
			continue // refused
		}
		full := context + "." + p.name
		if g.Short && context == g.Context {
			full = p.name
		}
		if p.of == of {
			fitting = append(fitting, full)
		}
		if p.of == Map {
			fitting = g.appendKeys(fitting, full, of, at)
		}
	}
	if len(fitting) == 0 {
		if target {
			return g.path(String, true)
		}
		return ""
	}
	return pick(g, fitting)
}

func (g *Grammar) appendKeys(list []string, to string, of Type, at int) []string {
	for _, k := range keys {
		if k.of == of && (at >= 2 || !strings.Contains(k.name, "metric.")) {
			list = append(list, to+k.name)
		}
	}
	return list
}

// returns are the types of what converters return, where that is not any.
var returns = map[Type][]string{
	String: {"Concat", "ConvertCase", "Decode", "Base64Encode", "Base64Decode", "Format", "FormatTime", "Hex", "MD5", "Murmur3Hash", "Murmur3Hash128", "SHA1", "SHA256", "SHA512", "String", "Substring", "ToCamelCase", "ToLowerCase", "ToSnakeCase", "ToUpperCase", "ToKeyValueString", "Trim", "TrimPrefix", "TrimSuffix", "XXH128", "XXH3", "CommunityID"},
	Int:    {"Int", "Len", "FNV", "Index", "ParseInt", "Day", "Hour", "Minute", "Month", "Nanosecond", "Nanoseconds", "Microseconds", "Milliseconds", "Second", "UnixMicro", "UnixMilli", "UnixNano", "UnixSeconds", "Weekday", "Year"},
	Float:  {"Double", "Log", "Hours", "Minutes", "Seconds"},
	Bool:   {"Bool", "ContainsValue", "HasPrefix", "HasSuffix", "IsBool", "IsDouble", "IsEmpty", "IsInCIDR", "IsInt", "IsList", "IsMap", "IsMatch", "IsString", "IsValidLuhn", "HasAttrOnDatapoint", "HasAttrKeyOnDatapoint"},
	Map:    {"ExtractPatterns", "ExtractGrokPatterns", "ParseCSV", "ParseJSON", "ParseKeyValue", "SliceToMap", "URL", "UserAgent"},
	List:   {"Append", "DeleteIndex", "Keys", "Sort", "Split", "Values"},
	Bytes:  {"TraceID", "SpanID", "ProfileID"},
	Time:   {"Time", "TruncateTime", "Unix"},
	Duration: {
		"Duration",
	},
}

// converter is a call of one that returns the type, empty if there is none.
func (g *Grammar) converter(of Type, depth int) string {
	var fitting []Signature
	for _, s := range g.functions(false) {
		if of == Any || slices.Contains(returns[of], s.Name) {
			fitting = append(fitting, s)
		}
	}
	if len(fitting) == 0 || g.chance(10) {
		fitting = g.functions(false)
	}
	if len(fitting) == 0 {
		return ""
	}
	return g.call(pick(g, fitting), depth)
}

func (g *Grammar) call(s Signature, depth int) string {
	var list []string
	demanded := strings.ToLower(s.Name) == "append" // one of its optional arguments
	for _, a := range s.Args {
		if a.Optional {
			if demanded || g.chance(4) {
				demanded = false
				list = append(list, snake(a.Name)+" = "+g.argument(s.Name, a, depth))
			}
			continue
		}
		list = append(list, g.argument(s.Name, a, depth))
	}
	text := s.Name + "(" + strings.Join(list, ", ") + ")"
	if !s.Editor() && g.chance(20) {
		text += pick(g, []string{`["env"]`, `[0]`, `["a"]`})
	}
	return text
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

func (g *Grammar) argument(function string, a Arg, depth int) string {
	if !a.List {
		return g.single(function, a, depth)
	}
	var items []string
	for range g.below(4) {
		items = append(items, g.single(function, a, depth))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// meant are the words that arguments stand for, by function and name or by name alone.
var meant = map[string][]string{
	"ConvertCase.ToCase":                     {"upper", "lower", "snake", "camel"},
	"Strategy":                               {"insert", "update", "upsert"},
	"replace_all_patterns.Mode":              {"key", "value"},
	"ParseCSV.Mode":                          {"strict", "lazyQuotes", "ignoreQuotes"},
	"AggregationFunction":                    {"sum", "max", "min", "mean", "median", "count"},
	"StringAggTemp":                          {"delta", "cumulative"},
	"DistributionFn":                         {"upper", "midpoint", "uniform"},
	"Encoding":                               {"base64", "utf-8", "us-ascii", "base64-raw"},
	"Variant":                                {"base64", "base64-raw", "base64-url"},
	"Time.Format":                            {"%Y-%m-%d", "%s"},
	"FormatTime.Format":                      {"%Y-%m-%d", "%H:%M"},
	"Format.Format":                          {"%v", "%v-%s", "%d"},
	"Order":                                  {"asc", "desc"},
	"Duration.Duration":                      {"1h", "3s", "x"},
	"XPath":                                  {"/a", "//b", "/a/@c"},
	"Location":                               {"UTC", "Europe/Berlin"},
	"Locale":                                 {"en", "de"},
	"Pattern":                                patterns,
	"RegexPattern":                           patterns,
	"Replacement":                            {"x", "$1-$2", "$$1", ""},
	"ReplacementFormat":                      {"%s", "a-%s"},
	"delete_key.Key":                         {"env", "code", "nested", "new", "id"},
	"keep_keys.Keys":                         {"id", "env", "code", "nested", "n"},
	"limit.PriorityKeys":                     {"id", "env"},
	"aggregate_on_attributes.Attributes":     {"env", "code"},
	"aggregate_on_attribute_value.Attribute": {"env", "code"},
	"aggregate_on_attribute_value.Values":    {"dev", "prod", "200"},
	"HasAttrOnDatapoint.Key":                 {"env", "code"},
	"HasAttrOnDatapoint.ExpectedVal":         {"dev", "200"},
	"HasAttrKeyOnDatapoint.Key":              {"env", "code", "new"},
	"extract_percentile_metric.Suffix":       {"_p"},
	"Suffix":                                 {"_s", "d", ""},
	"convert_summary_quantile_val_to_gauge.Suffix": {"_q"},
	"PatternDefinitions":                           {"A=."},
	"ExtractGrokPatterns.Pattern":                  {"%{WORD:w}", "%{NUMBER:n:int}"},
	"IsInCIDR.Networks":                            {"10.0.0.0/8", "192.168.0.0/16"},
	"merge_histogram_buckets.Method":               {"limit_buckets", "remove_explicit_bound"},
}

func (g *Grammar) single(function string, a Arg, depth int) string {
	words := meant[function+"."+a.Name]
	if words == nil {
		words = meant[a.Name]
	}
	if words != nil && (a.Kind == "string" || !g.chance(6)) {
		return `"` + pick(g, words) + `"`
	}
	switch a.Kind {
	case "Setter", "GetSetter":
		return g.path(pick(g, []Type{String, String, List, Int, Map}), true)
	case "PMapGetSetter":
		return g.path(Map, true)
	case "PSliceGetSetter":
		return g.path(List, true)
	case "StringGetter", "StringLikeGetter":
		return g.value(String, depth)
	case "IntGetter", "IntLikeGetter":
		return g.small(depth)
	case "FloatGetter", "FloatLikeGetter":
		return g.value(Float, depth)
	case "BoolGetter", "BoolLikeGetter":
		return g.value(Bool, depth)
	case "ByteSliceLikeGetter":
		if id := map[string]string{"TraceID": "0x0102030405060708090a0b0c0d0e0f10", "ProfileID": "0x0102030405060708090a0b0c0d0e0f10", "SpanID": "0x0102030405060708"}[function]; id != "" && !g.chance(4) {
			return id
		}
		return g.value(Bytes, depth)
	case "TimeGetter":
		return g.value(Time, depth)
	case "DurationGetter":
		return g.value(Duration, depth)
	case "PMapGetter":
		return g.value(Map, depth)
	case "PSliceGetter":
		return g.value(List, depth)
	case "string":
		return g.text()
	case "int64":
		if function == "limit" {
			return pick(g, []string{"3", "4"})
		}
		return pick(g, []string{"0", "1", "2", "5"})
	case "float64":
		return pick(g, []string{"0.0", "1.5", "50.0", "99.0"})
	case "bool":
		return g.literal(Bool, 0)
	case "FunctionGetter":
		return pick(g, []string{"ToUpperCase", "SHA256", "Len", "MD5"})
	case "LambdaExpression":
		return "(x) => " + pick(g, []string{"x", `x == "a"`, "x != nil"})
	}
	return g.value(Any, depth)
}

// small is an integer that mostly fits a place in a text.
func (g *Grammar) small(depth int) string {
	if g.chance(3) {
		return g.value(Int, depth)
	}
	return pick(g, []string{"0", "1", "2", "3", "10"})
}
