package overseer

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

// stockTimeout bounds a look into a storage.
const stockTimeout = 2 * time.Second

// storageOf is the storage of an exporter's queue, by the key under which exporterhelper has it; nil if it has none.
func storageOf(cfg component.Config) *component.ID {
	conf := confmap.New()
	if err := conf.Marshal(cfg); err != nil {
		return nil
	}
	return storageIn(conf, "sending_queue")
}

func storageIn(conf *confmap.Conf, queue string) *component.ID {
	name, ok := conf.Get(queue + "::storage").(string)
	if !ok || name == "" || conf.Get(queue+"::enabled") == false {
		return nil
	}
	id := &component.ID{}
	if id.UnmarshalText([]byte(name)) != nil {
		return nil
	}
	return id
}

// metadataKey is where a queue of exporterhelper keeps its state:
// https://github.com/open-telemetry/opentelemetry-collector/blob/exporter/exporterhelper/v0.159.0/exporter/exporterhelper/internal/queue/meta.proto
const metadataKey = "qmv0"

// stock is how many points the queue of an exporter of metrics holds in its storage. It may be read while the exporter
// does not run only: a storage has one user.
func stock(ctx context.Context, host component.Host, in, exporter component.ID) (points ledger.Count) {
	ext, ok := host.GetExtensions()[in].(storage.Extension)
	if !ok {
		return ledger.Count{}
	}
	ctx, cancel := context.WithTimeout(ctx, stockTimeout)
	defer cancel()
	client, err := ext.GetClient(ctx, component.KindExporter, exporter, "metrics")
	if err != nil {
		return ledger.Count{}
	}
	defer func() {
		if client.Close(ctx) != nil {
			points = ledger.Count{}
		}
	}()
	metadata, err := client.Get(ctx, metadataKey)
	if err != nil {
		return ledger.Count{}
	}
	return itemsIn(metadata)
}

// itemsIn reads the number of points from a queue's state. No state is an empty queue. A queue of requests whose
// points were never counted, as older collectors left them, is unknown.
func itemsIn(metadata []byte) ledger.Count {
	var fields [5]uint64 // by number; of lists the last
	var dispatched int
	for len(metadata) > 0 {
		number, wire, n := protowire.ConsumeTag(metadata)
		if n < 0 {
			return ledger.Count{}
		}
		metadata = metadata[n:]
		switch {
		case wire == protowire.Fixed64Type && int(number) < len(fields):
			fields[number], n = protowire.ConsumeFixed64(metadata)
		default:
			n = protowire.ConsumeFieldValue(number, wire, metadata)
			dispatched += n
		}
		if n < 0 {
			return ledger.Count{}
		}
		metadata = metadata[n:]
	}
	items, read, write := int64(fields[1]), fields[3], fields[4]
	if items == 0 && (read != write || dispatched > 1) {
		return ledger.Count{}
	}
	return ledger.Known(items)
}
