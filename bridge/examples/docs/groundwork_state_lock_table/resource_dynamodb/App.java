package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.BackendConfigFile;
import io.groundworkiac.groundwork.BackendConfigFileArgs;
import io.groundworkiac.groundwork.StateLockTable;
import io.groundworkiac.groundwork.StateLockTableArgs;
import io.groundworkiac.groundwork.inputs.BackendConfigFileS3Args;
import io.groundworkiac.groundwork.inputs.StateLockTableDynamodbArgs;
import java.util.Map;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // A table on DynamoDB, with the key that Terraform and OpenTofu want: on demand, encrypted by KMS,
        // with point-in-time recovery, and protected from being deleted.
        var aws = new StateLockTable("aws", StateLockTableArgs.builder()
            .dynamodb(StateLockTableDynamodbArgs.builder()
                .table("terraform-locks")
                .region("eu-west-3")
                .tags(Map.of("team", "platform"))
                .build())
            .build());

        // The backend that locks in it.
        var infra = new BackendConfigFile("infra", BackendConfigFileArgs.builder()
            .path("infra/backend.tf")
            .lock("dynamodb")
            .dynamodbTable(aws.dynamodb().applyValue(dynamodb -> dynamodb.orElseThrow().table()))
            .s3(BackendConfigFileS3Args.builder()
                .bucket("acme-states")
                .key("infra/terraform.tfstate")
                .region("eu-west-3")
                .build())
            .build());
    }
}
