package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.GroundworkFunctions;
import java.util.Map;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // "s3://acme-pulumi-states/web?region=fr-par&endpoint=https://s3.fr-par.scw.cloud"
        ctx.export("bucket", GroundworkFunctions.pulumiBackendUrl("acme-pulumi-states", Map.of(
            "prefix", "web",
            "region", "fr-par",
            "endpoint", "https://s3.fr-par.scw.cloud"
        )).applyValue(url -> url.result()));

        // "postgres://db.example.org:5432/pulumi_state?sslmode=verify-full"
        ctx.export("postgres", GroundworkFunctions.pulumiBackendUrl("pulumi_state", Map.of(
            "scheme", "postgres",
            "host", "db.example.org",
            "port", 5432,
            "parameters", Map.of("sslmode", "verify-full")
        )).applyValue(url -> url.result()));
    }
}
