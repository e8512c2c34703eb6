package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.GroundworkFunctions;
import io.groundworkiac.groundwork.inputs.GetBackendConfigArgs;
import io.groundworkiac.groundwork.inputs.GetBackendConfigPulumiBackendArgs;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        final var states = GroundworkFunctions.getBackendConfig(GetBackendConfigArgs.builder()
            .format("dotenv")
            .pulumiBackend(GetBackendConfigPulumiBackendArgs.builder()
                .bucket("acme-pulumi-states")
                .prefix("web")
                .build())
            .build());

        ctx.export("variables", states.applyValue(all -> all.backendConfig()));
    }
}
