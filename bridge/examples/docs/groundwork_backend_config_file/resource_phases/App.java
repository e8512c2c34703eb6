package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.BackendConfigFile;
import io.groundworkiac.groundwork.BackendConfigFileArgs;
import io.groundworkiac.groundwork.GroundworkFunctions;
import io.groundworkiac.groundwork.StateBucket;
import io.groundworkiac.groundwork.StateBucketArgs;
import io.groundworkiac.groundwork.inputs.BackendConfigFileRemoteStatesArgs;
import io.groundworkiac.groundwork.inputs.BackendConfigFileS3Args;
import io.groundworkiac.groundwork.inputs.GetEnvironmentLayoutArgs;
import java.util.List;
import java.util.Map;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // The environment dev is in ../environments, in phases (dev/infra, dev/coder). Each of them gets a
        // backend.tf with the key that it has by convention, and coder reads what infra has made.
        final var keys = GroundworkFunctions.getEnvironmentLayout(GetEnvironmentLayoutArgs.builder()
            .root("../environments")
            .build()).applyValue(all -> all.keys());

        var dev = new StateBucket("dev", StateBucketArgs.builder()
            .name("terraform-state-coder-dev")
            .build());

        for (var configuration : List.of("dev/infra", "dev/coder")) {
            var file = BackendConfigFileArgs.builder()
                .root("../environments")
                .path("../environments/" + configuration + "/backend.tf")
                .lock(dev.lockStrategy())
                .s3(BackendConfigFileS3Args.builder()
                    .bucket(dev.name())
                    .key(keys.applyValue(all -> all.get(configuration)))
                    .build());
            if (configuration.endsWith("/coder")) {
                file.remoteStates(Map.of("infra", BackendConfigFileRemoteStatesArgs.builder()
                    .key(keys.applyValue(all -> all.get("dev/infra")))
                    .build()));
            }
            new BackendConfigFile(configuration, file.build());
        }
    }
}
