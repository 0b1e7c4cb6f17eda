"""The import script of QuPath runs, against stand-ins for the classes of QuPath that it uses."""

import json
import subprocess

import numpy as np
import pytest

from nucleisplit.labels import FORMATS

STAND_INS = {
    "qupath/lib/io/PathIO.groovy": """
package qupath.lib.io
class PathIO {
    static List readObjects(File file) {
        def stream = new FileInputStream(file)
        if (file.name.endsWith(".gz")) stream = new java.util.zip.GZIPInputStream(stream)
        new groovy.json.JsonSlurper().parse(stream, "UTF-8").features
    }
}""",
    "qupath/lib/objects/PathObjectTools.groovy": """
package qupath.lib.objects
class PathObjectTools {
    static transformObject(object, transform, boolean measurements) {
        [outline: object.geometry.coordinates[0].collect {
            def point = new java.awt.geom.Point2D.Double(it[0], it[1])
            transform.transform(point, point)
            [point.x, point.y]
        }]
    }
}""",
    "qupath/lib/gui/scripting/QPEx.groovy": """
package qupath.lib.gui.scripting
class QPEx {
    static getCurrentImageData() { [server: [width: 80L, height: 40L]] as Image }
    static getDetectionObjects() { [] }
    static void removeObjects(objects, boolean children) { println "removed ${objects.size()}" }
    static void addObjects(objects) { println groovy.json.JsonOutput.toJson(objects) }
    static void fireHierarchyUpdate() {}
}
class Image { Server server }
class Server { long width; long height }""",
}


@pytest.fixture
def run(scripts, tmp_path):
    for name, text in STAND_INS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    def run(file):
        text = scripts["import"].read_text(encoding="utf-8")
        assert 'String FILE = ""' in text
        script = tmp_path / "script.groovy"
        script.write_text(text.replace('String FILE = ""', f"String FILE = '{file}'"))
        command = ["groovy", "-cp", str(tmp_path), str(script)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize("name", ["geojson", "geojson-gz"])
def test_outlines_of_a_coarser_level_are_scaled(run, tmp_path, name):
    labels = np.zeros((20, 40), np.uint8)
    labels[5:9, 10:13] = 1
    path = tmp_path / f"a{FORMATS[name].ending}"
    FORMATS[name].write(path, labels)
    removed, added, told = run(path)
    assert (removed, told) == ("removed 0", "nucleisplit: 1 nuclei")
    (nucleus,) = json.loads(added)
    corners = [[20, 10], [26, 10], [26, 18], [20, 18], [20, 10]]
    assert nucleus["outline"] == corners


def test_what_cannot_be_is_said(run, tmp_path):
    (line,) = run(tmp_path / "nosuch.geojson")
    assert line.startswith("nucleisplit: there is no file ")
    path = tmp_path / "a.geojson"
    FORMATS["geojson"].write(path, np.ones((20, 20), np.uint8))
    (line,) = run(path)
    assert line.endswith("is of an image of 20 x 20 pixels, this one has 80 x 40")
    path.write_text('{"type": "FeatureCollection", "features": []}')
    (line,) = run(path)
    assert line.endswith("was not written by nucleisplit")
