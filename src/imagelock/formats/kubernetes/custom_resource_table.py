"""The table of custom resources: which group and kind has an image at which path.

``paths`` are dotted, ``[]`` stands for each item of a list, ``{}`` for each value of a mapping.
Containers that a resource lists beside its pods (``sidecars`` and the like, an ``initContainer``) are read
in all of them, and not in the table.  ``built`` are paths of images that the resource makes: names, and no references.  The comment at each
group names the reference that its lines were read from.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """The images of some kinds of one API group."""

    group: str
    kinds: tuple[str, ...]
    paths: tuple[str, ...]
    built: tuple[str, ...] = ()


_BUILD_FROM = (
    "spec.strategy.dockerStrategy.from.name",
    "spec.strategy.sourceStrategy.from.name",
    "spec.strategy.customStrategy.from.name",
    "spec.source.images[].from.name",
)
"""Images of a build when ``kind`` beside the name is DockerImage."""

KINDS: tuple[Row, ...] = (
    # prometheus-operator.dev, API reference
    Row("monitoring.coreos.com", ("Prometheus", "PrometheusAgent"), ("spec.image", "spec.thanos.image")),
    Row("monitoring.coreos.com", ("Alertmanager", "ThanosRuler"), ("spec.image",)),
    # strimzi.io, API reference
    Row(
        "kafka.strimzi.io",
        ("Kafka",),
        (
            "spec.kafka.image",
            "spec.kafka.brokerRackInitImage",
            "spec.kafka.tlsSidecar.image",
            "spec.zookeeper.image",
            "spec.zookeeper.tlsSidecar.image",
            "spec.entityOperator.topicOperator.image",
            "spec.entityOperator.userOperator.image",
            "spec.entityOperator.tlsSidecar.image",
            "spec.cruiseControl.image",
            "spec.cruiseControl.tlsSidecar.image",
            "spec.kafkaExporter.image",
            "spec.jmxTrans.image",
        ),
    ),
    Row(
        "kafka.strimzi.io",
        ("KafkaConnect", "KafkaConnectS2I"),
        ("spec.image", "spec.clientRackInitImage", "spec.plugins[].artifacts[].reference"),
        built=("spec.build.output.image",),
    ),
    Row(
        "kafka.strimzi.io",
        ("KafkaMirrorMaker", "KafkaMirrorMaker2", "KafkaBridge"),
        ("spec.image", "spec.clientRackInitImage"),
    ),
    # Elastic Cloud on Kubernetes, API reference
    Row("elasticsearch.k8s.elastic.co", ("Elasticsearch",), ("spec.image",)),
    Row("kibana.k8s.elastic.co", ("Kibana",), ("spec.image",)),
    Row("apm.k8s.elastic.co", ("ApmServer",), ("spec.image",)),
    Row("beat.k8s.elastic.co", ("Beat",), ("spec.image",)),
    Row("agent.k8s.elastic.co", ("Agent",), ("spec.image",)),
    Row("logstash.k8s.elastic.co", ("Logstash",), ("spec.image",)),
    Row("enterprisesearch.k8s.elastic.co", ("EnterpriseSearch",), ("spec.image",)),
    Row("maps.k8s.elastic.co", ("ElasticMapsServer",), ("spec.image",)),
    Row("packageregistry.k8s.elastic.co", ("PackageRegistry",), ("spec.image",)),
    # CloudNativePG, API reference
    Row(
        "postgresql.cnpg.io",
        ("Cluster",),
        ("spec.imageName", "spec.postgresql.extensions[].image.reference"),
    ),
    Row(
        "postgresql.cnpg.io",
        ("ImageCatalog", "ClusterImageCatalog"),
        ("spec.images[].image", "spec.images[].extensions[].image.reference"),
    ),
    # Zalando's Postgres Operator, references of the cluster manifest and of the operator's configuration
    Row("acid.zalan.do", ("postgresql",), ("spec.dockerImage", "spec.connectionPooler.dockerImage")),
    Row(
        "acid.zalan.do",
        ("OperatorConfiguration",),
        (
            "configuration.docker_image",
            "configuration.sidecar_docker_images{}",
            "configuration.connection_pooler.connection_pooler_image",
            "configuration.logical_backup.logical_backup_docker_image",
        ),
    ),
    # Crunchy Postgres for Kubernetes, CRD reference
    Row("postgres-operator.crunchydata.com", ("PGAdmin", "PGUpgrade"), ("spec.image",)),
    Row(
        "postgres-operator.crunchydata.com",
        ("PostgresCluster",),
        (
            "spec.image",
            "spec.backups.pgbackrest.image",
            "spec.proxy.pgBouncer.image",
            "spec.monitoring.pgmonitor.exporter.image",
            "spec.userInterface.pgAdmin.image",
        ),
    ),
    # Percona operators, custom resource options
    Row(
        "pxc.percona.com",
        ("PerconaXtraDBCluster",),
        (
            "spec.initImage",
            "spec.pxc.image",
            "spec.haproxy.image",
            "spec.proxysql.image",
            "spec.backup.image",
            "spec.logcollector.image",
            "spec.pmm.image",
        ),
    ),
    Row(
        "psmdb.percona.com",
        ("PerconaServerMongoDB",),
        ("spec.image", "spec.initImage", "spec.backup.image", "spec.pmm.image", "spec.logcollector.image"),
    ),
    Row(
        "pgv2.percona.com",
        ("PerconaPGCluster",),
        (
            "spec.image",
            "spec.initImage",
            "spec.proxy.pgBouncer.image",
            "spec.backups.pgbackrest.image",
            "spec.pmm.image",
        ),
    ),
    Row(
        "ps.percona.com",
        ("PerconaServerMySQL",),
        (
            "spec.initImage",
            "spec.mysql.image",
            "spec.proxy.haproxy.image",
            "spec.proxy.router.image",
            "spec.orchestrator.image",
            "spec.backup.image",
            "spec.toolkit.image",
            "spec.pmm.image",
        ),
    ),
    # mariadb-operator, API reference
    Row("k8s.mariadb.com", ("MariaDB", "MaxScale"), ("spec.image", "spec.metrics.exporter.image")),
    Row(
        "k8s.mariadb.com",
        ("MariaDB",),
        ("spec.galera.agent.image", "spec.maxScale.image", "spec.maxScale.metrics.exporter.image"),
    ),
    # RabbitMQ Cluster Operator, API reference
    Row("rabbitmq.com", ("RabbitmqCluster",), ("spec.image",)),
    # Rook, CephCluster and CephNFS CRDs
    Row("ceph.rook.io", ("CephCluster",), ("spec.cephVersion.image",)),
    Row("ceph.rook.io", ("CephNFS",), ("spec.security.sssd.sidecar.image",)),
    # cass-operator, CassandraDatacenter CRD
    Row(
        "cassandra.datastax.com",
        ("CassandraDatacenter",),
        ("spec.serverImage", "spec.configBuilderImage", "spec.systemLoggerImage"),
    ),
    # redis-operator of OT-Container-Kit, CRD reference
    Row(
        "redis.redis.opstreelabs.in",
        ("Redis", "RedisCluster", "RedisReplication", "RedisSentinel"),
        ("spec.kubernetesConfig.image", "spec.redisExporter.image"),
    ),
    # redis-operator of Spotahome, RedisFailover CRD
    Row(
        "databases.spotahome.com",
        ("RedisFailover",),
        (
            "spec.redis.image",
            "spec.sentinel.image",
            "spec.redis.exporter.image",
            "spec.sentinel.exporter.image",
        ),
    ),
    # MinIO Operator, Tenant CRD
    Row(
        "minio.min.io",
        ("Tenant",),
        (
            "spec.image",
            "spec.kes.image",
            # before version 5 of the operator
            "spec.console.image",
            "spec.log.image",
            "spec.log.db.image",
            "spec.prometheus.image",
            "spec.prometheus.initimage",
            "spec.prometheus.sidecarimage",
        ),
    ),
    # Keycloak Operator, Keycloak CR
    Row("k8s.keycloak.org", ("Keycloak",), ("spec.image",)),
    # OpenTelemetry Operator, API reference
    Row("opentelemetry.io", ("OpenTelemetryCollector", "OpAMPBridge", "TargetAllocator"), ("spec.image",)),
    Row("opentelemetry.io", ("OpenTelemetryCollector",), ("spec.targetAllocator.image",)),
    Row(
        "opentelemetry.io",
        ("Instrumentation",),
        (
            *(
                f"spec.{language}.image"
                for language in ("java", "nodejs", "python", "dotnet", "go", "apacheHttpd", "nginx")
            ),
            "spec.java.extensions[].image",
        ),
    ),
    # Jaeger Operator, deployment guide
    Row(
        "jaegertracing.io",
        ("Jaeger",),
        (
            *(f"spec.{part}.image" for part in ("allInOne", "collector", "query", "agent", "ingester")),
            *(
                f"spec.storage.{part}.image"
                for part in ("cassandraCreateSchema", "dependencies", "esIndexCleaner", "esRollover")
            ),
            "spec.storage.elasticsearch.image",
            "spec.storage.grpcPlugin.image",
        ),
    ),
    # Fluent Operator, API reference
    Row("fluentbit.fluent.io", ("FluentBit", "Collector"), ("spec.image",)),
    Row("fluentd.fluent.io", ("Fluentd",), ("spec.image",)),
    # Flink Kubernetes Operator and Spark Operator, API references
    Row("flink.apache.org", ("FlinkDeployment",), ("spec.image",)),
    Row(
        "sparkoperator.k8s.io",
        ("SparkApplication",),
        ("spec.image", "spec.driver.image", "spec.executor.image"),
    ),
    Row(
        "sparkoperator.k8s.io",
        ("ScheduledSparkApplication",),
        ("spec.template.image", "spec.template.driver.image", "spec.template.executor.image"),
    ),
    # KubeVirt and its Containerized Data Importer, API references
    Row(
        "kubevirt.io",
        ("VirtualMachine",),
        (
            "spec.template.spec.volumes[].containerDisk.image",
            "spec.template.spec.domain.firmware.kernelBoot.container.image",
            "spec.dataVolumeTemplates[].spec.source.registry.url",
        ),
    ),
    Row(
        "kubevirt.io",
        ("VirtualMachineInstance", "VirtualMachineInstanceReplicaSet"),
        (
            "spec.volumes[].containerDisk.image",
            "spec.domain.firmware.kernelBoot.container.image",
            "spec.template.spec.volumes[].containerDisk.image",
            "spec.template.spec.domain.firmware.kernelBoot.container.image",
        ),
    ),
    Row(
        "pool.kubevirt.io",
        ("VirtualMachinePool",),
        (
            "spec.virtualMachineTemplate.spec.template.spec.volumes[].containerDisk.image",
            "spec.virtualMachineTemplate.spec.dataVolumeTemplates[].spec.source.registry.url",
        ),
    ),
    Row("cdi.kubevirt.io", ("VolumeImportSource",), ("spec.source.registry.url",)),
    Row(
        "hco.kubevirt.io",
        ("HyperConverged",),
        ("spec.dataImportCronTemplates[].spec.template.spec.source.registry.url",),
    ),
    Row("cdi.kubevirt.io", ("DataVolume",), ("spec.source.registry.url",)),
    Row("cdi.kubevirt.io", ("DataImportCron",), ("spec.template.spec.source.registry.url",)),
    # Crossplane, packages
    Row("pkg.crossplane.io", ("Provider", "Configuration", "Function"), ("spec.package",)),
    Row("pkg.crossplane.io", ("ControllerConfig",), ("spec.image",)),
    # Knative Operator, configuring the image registry
    Row("operator.knative.dev", ("KnativeServing", "KnativeEventing"), ("spec.registry.override{}",)),
    # Istio, WasmPlugin; Envoy Gateway, extension types
    Row("extensions.istio.io", ("WasmPlugin",), ("spec.url",)),
    Row("gateway.envoyproxy.io", ("EnvoyExtensionPolicy",), ("spec.wasm[].code.image.url",)),
    Row(
        "gateway.envoyproxy.io",
        ("EnvoyProxy",),
        tuple(
            f"spec.provider.kubernetes.{part}.container.image"
            for part in ("envoyDeployment", "envoyDaemonSet")
        ),
    ),
    # kind and k3d, configuration files
    Row("kind.x-k8s.io", ("Cluster",), ("nodes[].image",)),
    Row("k3d.io", ("Simple",), ("image",)),
    # Carvel, kapp-controller's packages and imgpkg's locks
    Row(
        "kappctrl.k14s.io",
        ("App",),
        ("spec.fetch[].imgpkgBundle.image", "spec.fetch[].image.url"),
    ),
    Row(
        "data.packaging.carvel.dev",
        ("Package",),
        ("spec.template.spec.fetch[].imgpkgBundle.image", "spec.template.spec.fetch[].image.url"),
    ),
    Row(
        "packaging.carvel.dev",
        ("PackageRepository",),
        ("spec.fetch.imgpkgBundle.image", "spec.fetch.image.url"),
    ),
    Row("imgpkg.carvel.dev", ("ImagesLock",), ("images[].image",)),
    # OpenShift, API reference
    Row("build.openshift.io", ("BuildConfig", "Build"), _BUILD_FROM),
    Row("", ("BuildConfig",), _BUILD_FROM),
    Row("image.openshift.io", ("ImageStream",), ("spec.tags[].from.name",)),
    Row("", ("ImageStream",), ("spec.tags[].from.name",)),
    Row("image.openshift.io", ("ImageStreamImport",), ("spec.images[].from.name",)),
    Row("image.openshift.io", ("ImageStreamTag",), ("tag.from.name",)),
    Row("config.openshift.io", ("ClusterVersion",), ("spec.desiredUpdate.image",)),
    Row("machineconfiguration.openshift.io", ("MachineConfig",), ("spec.osImageURL",)),
    Row("hive.openshift.io", ("ClusterImageSet",), ("spec.releaseImage",)),
    Row("hypershift.openshift.io", ("HostedCluster", "NodePool"), ("spec.release.image",)),
    # oc-mirror, image set configuration
    Row(
        "mirror.openshift.io",
        ("ImageSetConfiguration",),
        ("mirror.additionalImages[].name", "mirror.operators[].catalog"),
    ),
    # Shipwright Build, strategies
    Row(
        "shipwright.io",
        ("BuildStrategy", "ClusterBuildStrategy"),
        ("spec.steps[].image", "spec.buildSteps[].image"),
    ),
    Row(
        "shipwright.io",
        ("Build",),
        ("spec.builder.image", "spec.source.bundleContainer.image", "spec.source.ociArtifact.image"),
        built=("spec.output.image",),
    ),
    # kpack, stores and stacks
    Row("kpack.io", ("ClusterStore",), ("spec.sources[].image",)),
    Row("kpack.io", ("ClusterStack",), ("spec.buildImage.image", "spec.runImage.image")),
    Row("kpack.io", ("ClusterBuildpack", "Buildpack", "ClusterLifecycle"), ("spec.image",)),
    # Eclipse Che and DevWorkspace operators, API references
    Row(
        "org.eclipse.che",
        ("CheCluster",),
        (
            "spec.devEnvironments.defaultComponents[].container.image",
            "spec.devEnvironments.gatewayContainer.image",
            "spec.devEnvironments.projectCloneContainer.image",
        ),
    ),
    Row(
        "controller.devfile.io",
        ("DevWorkspaceOperatorConfig",),
        (
            "config.workspace.projectClone.image",
            "config.workspace.defaultTemplate.components[].container.image",
        ),
    ),
)
