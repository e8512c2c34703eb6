package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.GroundworkFunctions;
import io.groundworkiac.groundwork.inputs.GetEnvironmentLayoutArgs;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        final var all = GroundworkFunctions.getEnvironmentLayout(GetEnvironmentLayoutArgs.builder()
            .root("environments")
            .build());

        // Such as { "dev/coder": "coder/terraform.tfstate", "dev/infra": "infra/terraform.tfstate",
        // "legacy": "legacy/terraform.tfstate" }.
        ctx.export("keys", all.applyValue(layout -> layout.keys()));

        // "phased", or "legacy" for an environment that is still to be converted to phases.
        ctx.export("dev", all.applyValue(layout -> layout.environments().get("dev").structure()));
    }
}
