package rules

// What is listed here has been read: an outcome that depends on nothing else depends only on what Identity holds, every
// time. Whatever is not listed is run on each point. Left out on purpose are functions that return maps in Go's random
// order, that ask the clock or chance, that take functions as arguments, or that walk a metric's points.

var reviewedConverters = set(
	"Base64Decode", "Base64Encode", "Bool", "Coalesce", "Concat", "ContainsValue", "ConvertCase", "Decode", "Double", "FNV",
	"HasPrefix", "HasSuffix", "Hex", "Index", "Int", "IsBool", "IsDouble", "IsEmpty", "IsInCIDR", "IsInt",
	"IsList", "IsMap", "IsMatch", "IsString", "IsValidLuhn", "Len", "Log", "MD5", "Murmur3Hash", "Murmur3Hash128",
	"ParseInt", "SHA1", "SHA256", "SHA512", "Split", "String", "Substring", "ToCamelCase", "ToLowerCase", "ToSnakeCase",
	"ToUpperCase", "Trim", "TrimPrefix", "TrimSuffix", "XXH128", "XXH3",
)

// reviewedEditors write nothing but their argument named target.
var reviewedEditors = set(
	"delete_key", "delete_matching_keys", "keep_keys", "keep_matching_keys", "merge_maps", "replace_all_matches",
	"replace_all_patterns", "replace_match", "replace_pattern", "set", "truncate_all",
)

// identityPaths are the paths that a series' fingerprint covers.
var identityPaths = set(
	"resource.attributes", "resource.dropped_attributes_count", "resource.schema_url",
	"scope.attributes", "scope.dropped_attributes_count", "scope.name", "scope.schema_url", "scope.version",
	"instrumentation_scope.attributes", "instrumentation_scope.dropped_attributes_count", "instrumentation_scope.name",
	"instrumentation_scope.schema_url", "instrumentation_scope.version",
	"metric.aggregation_temporality", "metric.description", "metric.is_monotonic", "metric.metadata", "metric.name",
	"metric.type", "metric.unit",
	"datapoint.attributes",
)

// valuePaths are those of a point that may be new each time and that nothing in identityPaths depends on.
var valuePaths = set(
	"datapoint.count", "datapoint.flags", "datapoint.start_time", "datapoint.start_time_unix_nano", "datapoint.sum",
	"datapoint.time", "datapoint.time_unix_nano", "datapoint.value_double", "datapoint.value_int",
)

// ownPaths are, by context, the paths whose change an outcome can hold.
var ownPaths = map[string]map[string]bool{
	"metric":    set("metric.name", "metric.description", "metric.unit"),
	"datapoint": set("datapoint.attributes"),
}

func set(names ...string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, n := range names {
		s[n] = true
	}
	return s
}
