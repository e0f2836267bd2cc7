import com.amazonaws.xray.AWSXRay;
import com.amazonaws.xray.AWSXRayRecorderBuilder;
import com.amazonaws.xray.entities.Namespace;
import com.amazonaws.xray.entities.Segment;
import com.amazonaws.xray.entities.Subsegment;
import com.amazonaws.xray.strategy.sampling.AllSamplingStrategy;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Ordinary programs that use the X-Ray SDK for Java; the daemon's address comes from the environment. */
public class Program {
    /** Nested work, a remote call, an exception that passes all of it. */
    static void order() {
        Segment segment = AWSXRay.beginSegment("order-service");
        segment.setUser("alice");
        segment.putAnnotation("customer_tier", "enterprise");
        try {
            AWSXRay.createSubsegment("process_order", step -> {
                step.putAnnotation("order_id", 12345);
                step.putAnnotation("express", true);
                Map<String, Object> cart = new HashMap<>();
                cart.put("items", List.of("pen"));
                cart.put("price", 1.25);
                cart.put("note", null);
                step.putMetadata("shop", "cart", cart);
                remoteCall();
                validateInventory();
            });
        } catch (IllegalStateException expected) {
            segment.addException(expected);
        } finally {
            AWSXRay.endSegment();
        }
    }

    private static void validateInventory() {
        throw new IllegalStateException("no stock: \u2603");
    }

    private static void remoteCall() {
        Subsegment call = AWSXRay.beginSubsegment("payments.internal");
        call.setNamespace(Namespace.REMOTE.toString());
        call.putHttp("request", Map.of("method", "POST", "url", "http://payments.internal/charge"));
        call.putHttp("response", Map.of("status", 429, "content_length", 2));
        call.setThrottle(true);
        AWSXRay.endSubsegment();
    }

    /** More subsegments than the SDK keeps: finished ones go ahead of the segment. */
    static void streaming() {
        AWSXRay.beginSegment("streaming");
        for (int i = 0; i < 250; i++) {
            int number = i;
            AWSXRay.createSubsegment("batch " + i, step -> {
                step.putAnnotation("number", number);
                AWSXRay.createSubsegment("item", item -> { });
            });
        }
        AWSXRay.endSegment();
    }

    public static void main(String[] arguments) {
        AWSXRay.setGlobalRecorder(AWSXRayRecorderBuilder.standard()
            .withSamplingStrategy(new AllSamplingStrategy())
            .build());
        switch (arguments[0]) {
            case "order" -> order();
            case "streaming" -> streaming();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }
}
