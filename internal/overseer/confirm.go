package overseer

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
)

// queueKeys are where exporters configure queues of exporterhelper's, their own and those of exporters inside them.
var queueKeys = []string{"sending_queue", "protocol::otlp::sending_queue"}

// Unconfirmed tells what to change in the configuration of an exporter, a key and its value each, so that it answers
// only when it has delivered. Nothing, if it does. An exporter whose queues are not known by their keys is taken to.
func Unconfirmed(cfg component.Config) (changes []string) {
	conf := confmap.New()
	if conf.Marshal(cfg) != nil {
		return nil
	}
	for _, key := range queueKeys {
		if change := unconfirmedQueue(conf, key); change != "" {
			changes = append(changes, key+change)
		}
	}
	// Those of remote write.
	if conf.Get("remote_write_queue::enabled") == true {
		changes = append(changes, "remote_write_queue::enabled: false")
	}
	if conf.IsSet("remote_write_queue") && conf.Get("wal") != nil {
		changes = append(changes, "wal: null")
	}
	return changes
}

// unconfirmedQueue is the change for a queue; one in a storage cannot wait.
func unconfirmedQueue(conf *confmap.Conf, key string) string {
	switch {
	case conf.Get(key) == nil || conf.Get(key+"::enabled") == false || conf.Get(key+"::wait_for_result") == true:
		return ""
	case storageIn(conf, key) != nil:
		return "::enabled: false"
	default:
		return "::wait_for_result: true"
	}
}
