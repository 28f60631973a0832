package pushgroup

// Reason says why something was refused or dropped here, before the gateway could.
type Reason string

// The reasons. Those of single points are exposition's.
const (
	// ReasonMissingJob, ReasonInvalidUTF8 and ReasonTooLong: the resource cannot have a group. A gateway answers every
	// scrape with an error once a label of a group is not UTF-8.
	ReasonMissingJob  Reason = "missing_job"
	ReasonInvalidUTF8 Reason = "invalid_utf8"
	ReasonTooLong     Reason = "too_long"
	// ReasonMaxGroups: there are as many groups as there may be.
	ReasonMaxGroups Reason = "max_groups"
	// ReasonRefused: the gateway refuses the family.
	ReasonRefused Reason = "refused_family"
	// ReasonMaxBody: the family did not fit into the push.
	ReasonMaxBody Reason = "max_body_bytes"
	// ReasonUnsettled: so many families are refused that not all of them were found in one turn.
	ReasonUnsettled Reason = "unsettled"
	// ReasonPermanent: the gateway refuses the push as a whole.
	ReasonPermanent Reason = "refused_push"
	// ReasonShutdown: the last state could not be pushed in time.
	ReasonShutdown Reason = "shutdown"
)
