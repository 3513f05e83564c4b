// franz_go: consume, dispatch by hand, produce, commit, over franz-go.
//
//	franz_go --brokers B --topic T --group G --rules FILE --delivery exactly_once|at_least_once
//
// A batch is what a poll brings: what arrived while the last one was committed. With `exactly_once`
// it is a transaction with its offsets, with `at_least_once` its records are acknowledged before its
// offsets are committed. Any error ends it with status 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	batchEventsMax = 10_000
	collectPercent = 400 // memory for fewer collections
)

var (
	brokers  = flag.String("brokers", "", "")
	topic    = flag.String("topic", "", "")
	group    = flag.String("group", "", "")
	path     = flag.String("rules", "", "")
	delivery = flag.String("delivery", "", "")
	_        = flag.String("state", "", "not needed")
)

type router struct {
	rules   *rules
	refused atomic.Pointer[error]
}

func options() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(*brokers),
		kgo.ConsumerGroup(*group),
		kgo.ConsumeTopics(*topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.FetchMaxPartitionBytes(4 << 20),
		kgo.RequireStableFetchOffsets(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(5 * time.Millisecond),
		kgo.ProducerBatchMaxBytes(1_000_000),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(200_000),
	}
}

// send produces what the rules ask for of every event.
func (r *router) send(ctx context.Context, fetches kgo.Fetches,
	produce func(context.Context, *kgo.Record, func(*kgo.Record, error))) error {
	if err := fetches.Err(); err != nil {
		return err
	}
	var failed error
	fetches.EachRecord(func(event *kgo.Record) {
		topics, err := r.rules.route(event.Value)
		if err != nil {
			failed = err
		}
		for _, topic := range topics {
			produce(ctx, &kgo.Record{Topic: topic, Key: event.Key, Value: event.Value, Headers: event.Headers},
				func(_ *kgo.Record, err error) {
					if err != nil {
						r.refused.Store(&err)
					}
				})
		}
	})
	return failed
}

func (r *router) exactlyOnce(ctx context.Context) error {
	session, err := kgo.NewGroupTransactSession(append(options(), kgo.TransactionalID(*group))...)
	if err != nil {
		return err
	}
	for {
		fetches := session.PollRecords(ctx, batchEventsMax)
		if fetches.Empty() {
			continue
		}
		if err := session.Begin(); err != nil {
			return err
		}
		if err := r.send(ctx, fetches, session.Produce); err != nil {
			return err
		}
		committed, err := session.End(ctx, kgo.TryCommit)
		if err != nil {
			return err
		}
		if !committed {
			return errors.New("a transaction was aborted")
		}
	}
}

func (r *router) atLeastOnce(ctx context.Context) error {
	client, err := kgo.NewClient(append(options(), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll())...)
	if err != nil {
		return err
	}
	for {
		fetches := client.PollRecords(ctx, batchEventsMax)
		if err := r.send(ctx, fetches, client.Produce); err != nil {
			return err
		}
		if err := client.Flush(ctx); err != nil {
			return err
		}
		if refused := r.refused.Load(); refused != nil {
			return *refused
		}
		if err := client.CommitUncommittedOffsets(ctx); err != nil {
			return err
		}
		client.AllowRebalance()
	}
}

func run() error {
	read, err := readRules(*path)
	if err != nil {
		return err
	}
	r := &router{rules: read}
	if *delivery == "exactly_once" {
		return r.exactlyOnce(context.Background())
	}
	return r.atLeastOnce(context.Background())
}

func main() {
	flag.Parse()
	debug.SetGCPercent(collectPercent)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
