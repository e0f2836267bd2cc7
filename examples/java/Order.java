import com.amazonaws.xray.AWSXRay;
import com.amazonaws.xray.entities.Segment;
import java.util.Map;

/**
 * One order, traced with the AWS X-Ray SDK for Java (com.amazonaws:aws-xray-recorder-sdk-core, its jars in lib/).
 *
 *     AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000 java -cp 'lib/*' Order.java
 */
public class Order {
    public static void main(String[] arguments) {
        Segment order = AWSXRay.beginSegment("order-service");
        order.putAnnotation("order_id", "order-12345");
        AWSXRay.createSubsegment("validate_inventory", step -> {
            step.putMetadata("item", Map.of("sku", "fountain-pen", "quantity", 2));
        });
        AWSXRay.endSegment();
        System.out.println("sent trace " + order.getTraceId());
    }
}
