// One order, traced with the AWS X-Ray SDK for Go.
//
//	go mod init order && go get github.com/aws/aws-xray-sdk-go@v1.8.5
//	AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000 go run order.go
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-xray-sdk-go/xray"
)

func main() {
	ctx, order := xray.BeginSegment(context.Background(), "order-service")
	_ = xray.AddAnnotation(ctx, "order_id", "order-12345")
	_ = xray.Capture(ctx, "validate_inventory", func(ctx context.Context) error {
		return xray.AddMetadata(ctx, "item", map[string]interface{}{"sku": "fountain-pen", "quantity": 2})
	})
	order.Close(nil)
	fmt.Println("sent trace", order.TraceID)
	time.Sleep(100 * time.Millisecond) // the SDK sends from a goroutine of its own
}
