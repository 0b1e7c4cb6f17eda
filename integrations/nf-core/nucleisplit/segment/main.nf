// Its script is run by a test of nucleisplit; it was never run in Nextflow itself.
process NUCLEISPLIT_SEGMENT {
    tag "$meta.id"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "nucleisplit:0.1.0"

    input:
    tuple val(meta), path(image)

    output:
    tuple val(meta), path("${prefix}_mask.ome.tif"), emit: mask
    tuple val(meta), path("${prefix}.csv")         , emit: table
    path "versions.yml"                            , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix   = task.ext.prefix ?: "${meta.id}"
    """
    export OMP_NUM_THREADS=${task.cpus}

    nucleisplit infer \\
        "${image}" \\
        --out found \\
        --mask-name "${prefix}_mask.ome.tif" \\
        --no-overlay \\
        ${args}

    mv "found/${prefix}_mask.ome.tif" .
    mv found/nuclei.csv "${prefix}.csv"

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        nucleisplit: \$(nucleisplit --version | sed 's/.* //')
    END_VERSIONS
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    touch "${prefix}_mask.ome.tif" "${prefix}.csv"

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        nucleisplit: \$(nucleisplit --version | sed 's/.* //')
    END_VERSIONS
    """
}
