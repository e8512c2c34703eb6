package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.GroundworkFunctions;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        final var service = GroundworkFunctions.getS3Capabilities();

        ctx.export("lockStrategy", service.applyValue(found -> found.lockStrategy()));
    }
}
