package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.BackendConfigFile;
import io.groundworkiac.groundwork.BackendConfigFileArgs;
import io.groundworkiac.groundwork.inputs.BackendConfigFileS3Args;
import java.util.List;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // A partial configuration for each environment of one configuration:
        // terraform init -backend-config=environments/prod.s3.tfbackend
        for (var environment : List.of("dev", "prod")) {
            new BackendConfigFile(environment, BackendConfigFileArgs.builder()
                .path("environments/" + environment + ".s3.tfbackend")
                .format("tfbackend")
                .s3(BackendConfigFileS3Args.builder()
                    .bucket("terraform-state-coder-" + environment)
                    .key("app/terraform.tfstate")
                    .build())
                .build());
        }
    }
}
