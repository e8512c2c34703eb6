package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.GroundworkFunctions;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        final var states = GroundworkFunctions.parsePulumiBackendUrl(
            "s3://acme-pulumi-states/web?region=fr-par&endpoint=s3.fr-par.scw.cloud");

        // "acme-pulumi-states"
        ctx.export("bucket", states.applyValue(url -> url.bucket()));

        // "https://s3.fr-par.scw.cloud"
        ctx.export("endpoint", states.applyValue(url -> url.endpoint()));
    }
}
