package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.GroundworkFunctions;
import io.groundworkiac.groundwork.inputs.GetBackendConfigArgs;
import io.groundworkiac.groundwork.inputs.GetBackendConfigS3Args;
import java.util.stream.Collectors;
import java.util.stream.Stream;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // The text without the file, for a pipeline that writes it itself.
        final var infra = GroundworkFunctions.getBackendConfig(GetBackendConfigArgs.builder()
            .s3(GetBackendConfigS3Args.builder()
                .bucket("terraform-state-coder-dev")
                .key("infra/terraform.tfstate")
                .build())
            .build());
        ctx.export("backendTf", infra.applyValue(file -> file.content()));

        // terraform init $(pulumi stack output initArguments)
        ctx.export("initArguments", infra.applyValue(file -> Stream.of("bucket", "key", "region")
            .map(name -> "-backend-config=" + name + "=" + file.backendConfig().get(name))
            .collect(Collectors.joining(" "))));
    }
}
