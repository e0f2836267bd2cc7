// Ordinary programs that use the X-Ray SDK for Go; the daemon's address comes from the environment.
//
//	client SCENARIO
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/aws/aws-xray-sdk-go/strategy/sampling"
	"github.com/aws/aws-xray-sdk-go/xray"
)

// A service and a client of it, both traced, with nested work and an error.
func httpService() error {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = xray.AddAnnotation(r.Context(), "path", r.URL.Path)
		http.Error(w, "slow down", http.StatusTooManyRequests)
	})
	server := httptest.NewServer(xray.Handler(xray.NewFixedSegmentNamer("inventory"), handler))
	defer server.Close()

	ctx, segment := xray.BeginSegment(context.Background(), "order-service")
	segment.User = "alice"
	err := xray.Capture(ctx, "process_order", func(ctx context.Context) error {
		_ = xray.AddAnnotation(ctx, "order_id", 12345)
		_ = xray.AddMetadata(ctx, "cart", map[string]interface{}{"items": []string{"pen"}, "price": 1.25})
		return xray.Capture(ctx, "validate_inventory", func(ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/stock", nil)
			if err != nil {
				return err
			}
			response, err := xray.Client(http.DefaultClient).Do(request)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if _, err = io.Copy(io.Discard, response.Body); err != nil {
				return err
			}
			return errors.New("no stock: ☃")
		})
	})
	segment.Close(err)
	return nil
}

// More subsegments than the SDK keeps: finished ones go ahead of the segment.
func streaming() error {
	ctx, segment := xray.BeginSegment(context.Background(), "streaming")
	for i := 0; i < 50; i++ {
		stepCtx, step := xray.BeginSubsegment(ctx, fmt.Sprintf("batch %d", i))
		_ = xray.AddAnnotation(stepCtx, "number", i)
		_, item := xray.BeginSubsegment(stepCtx, "item")
		item.Close(nil)
		step.Close(nil)
	}
	segment.Close(nil)
	return nil
}

func main() {
	scenarios := map[string]func() error{"httpService": httpService, "streaming": streaming}
	strategy, err := sampling.NewLocalizedStrategyFromJSONBytes(
		[]byte(`{"version": 2, "default": {"fixed_target": 0, "rate": 1}}`))
	if err == nil {
		err = xray.Configure(xray.Config{SamplingStrategy: strategy})
	}
	if err == nil {
		err = scenarios[os.Args[1]]()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	time.Sleep(200 * time.Millisecond) // the SDK sends from a goroutine of its own
}
