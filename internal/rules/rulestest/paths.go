package rulestest

// Type is what an OTTL expression is a value of.
type Type string

// The types of values. Any is a type that no function tells.
const (
	String   Type = "string"
	Int      Type = "int"
	Float    Type = "float"
	Bool     Type = "bool"
	Map      Type = "map"
	List     Type = "list"
	Bytes    Type = "bytes"
	Time     Type = "time"
	Duration Type = "duration"
	Any      Type = "any"
)

var types = []Type{String, String, String, Int, Int, Float, Bool, Map, List, Bytes, Time, Duration}

// path is an OTTL path without its context.
type path struct {
	name string
	of   Type
}

// Contexts are the contexts of metrics, the outermost first. A text of one may name paths of those before it.
var Contexts = []string{"resource", "scope", "metric", "datapoint", "exemplar"}

var paths = map[string][]path{
	"resource": {
		{"attributes", Map}, {"dropped_attributes_count", Int}, {"schema_url", String}, {"cache", Map},
	},
	"scope": {
		{"attributes", Map},
		{"dropped_attributes_count", Int},
		{"schema_url", String},
		{"name", String},
		{"version", String},
		{"cache", Map},
	},
	"metric": {
		{"name", String},
		{"name", String},
		{"description", String},
		{"unit", String},
		{"type", Int},
		{"aggregation_temporality", Int},
		{"is_monotonic", Bool},
		{"data_points", Any},
		{"metadata", Map},
		{"cache", Map},
	},
	"datapoint": {
		{"attributes", Map},
		{"attributes", Map},
		{"attributes", Map},
		{"attributes", Map},
		{"start_time_unix_nano", Int},
		{"time_unix_nano", Int},
		{"start_time", Time},
		{"time", Time},
		{"value_double", Float},
		{"value_double", Float},
		{"value_int", Int},
		{"value_int", Int},
		{"exemplars", Any},
		{"flags", Int},
		{"count", Int},
		{"sum", Float},
		{"bucket_counts", Any},
		{"explicit_bounds", Any},
		{"scale", Int},
		{"zero_count", Int},
		{"positive.offset", Int},
		{"positive.bucket_counts", Any},
		{"negative.offset", Int},
		{"negative.bucket_counts", Any},
		{"quantile_values", Any},
		{"cache", Map},
	},
	"exemplar": {
		{"filtered_attributes", Map},
		{"filtered_attributes", Map},
		{"time_unix_nano", Int},
		{"time", Time},
		{"double_value", Float},
		{"int_value", Int},
		{"trace_id", Bytes},
		{"span_id", Bytes},
		{"trace_id.string", String},
		{"cache", Map},
	},
}

// keys are of maps, with what is most often behind them; see Rich.
var keys = []path{
	{`["env"]`, String},
	{`["env"]`, String},
	{`["code"]`, String},
	{`["team"]`, String},
	{`["id"]`, Int},
	{`["n"]`, Int},
	{`["f"]`, Float},
	{`["b"]`, Bool},
	{`["nested"]`, Map},
	{`["nested"]["env"]`, String},
	{`["nested"]["n"]`, Int},
	{`["list"]`, List},
	{`["list"][0]`, String},
	{`["list"][7]`, Any},
	{`["bytes"]`, Bytes},
	{`["new"]`, String},
	{`["other"]`, Int},
	{`[metric.name]`, String},
	{`[resource.attributes["env"]]`, String},
	{`[Concat(["e", "nv"], "")]`, String},
}
