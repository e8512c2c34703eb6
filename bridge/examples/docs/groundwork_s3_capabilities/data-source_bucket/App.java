package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.GroundworkFunctions;
import io.groundworkiac.groundwork.inputs.GetS3CapabilitiesArgs;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        final var bucket = GroundworkFunctions.getS3Capabilities(GetS3CapabilitiesArgs.builder()
            .bucket("terraform-state-coder-dev")
            .probe(true)
            .build());

        ctx.export("evidence", bucket.applyValue(found -> found.lockReason()));
    }
}
