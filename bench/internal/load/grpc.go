package load

import (
	"bytes"
	"context"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	exportMethod   = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
	maxMessageSize = 64 << 20
)

// raw hands bytes through, so that the generator spends nothing on protobuf.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("raw codec: %T", v)
	}
	return *b, nil
}

func (raw) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("raw codec: %T", v)
	}
	*b = bytes.Clone(data)
	return nil
}

type grpcClient struct{ conn *grpc.ClientConn }

func newGRPCClient(address string) (*grpcClient, error) {
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallSendMsgSize(maxMessageSize)))
	return &grpcClient{conn: conn}, err
}

func (c *grpcClient) send(ctx context.Context, body []byte) answer {
	var out []byte
	if err := c.conn.Invoke(ctx, exportMethod, &body, &out); err != nil {
		return fromGRPC(err)
	}
	return answer{rejected: rejectedPoints(out)}
}

func (c *grpcClient) close() { _ = c.conn.Close() } // nothing is under way

func rejectedPoints(response []byte) int64 {
	if len(response) == 0 {
		return 0
	}
	r := pmetricotlp.NewExportResponse()
	if r.UnmarshalProto(response) != nil {
		return 0
	}
	return r.PartialSuccess().RejectedDataPoints()
}
