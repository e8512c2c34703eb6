package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.GroundworkFunctions;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // "infra/terraform.tfstate"
        ctx.export("infra", GroundworkFunctions.stateKey("dev", "infra").applyValue(key -> key.result()));

        // A legacy environment, which has no phases: "dev/terraform.tfstate"
        ctx.export("legacy", GroundworkFunctions.stateKey("dev", null).applyValue(key -> key.result()));
    }
}
