package buffer

import "context"

// Number says which batch it is: of its lane, which its streams have in each process, the one that begins with that piece.
// Of two batches of a lane, the one with the lower number was taken first.
type Number struct{ Lane, Seq uint64 }

type numberKey struct{}

// NumberOf is that of the batch which Deliver was called for with this context.
func NumberOf(ctx context.Context) Number {
	n, _ := ctx.Value(numberKey{}).(Number)
	return n
}

func (n Number) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, numberKey{}, n)
}

func (it *item) number() Number { return Number{it.lane.id, it.seq} }
