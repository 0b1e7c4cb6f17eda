/*
 * Nuclei of nucleisplit for QuPath 0.4 and later: puts the outlines of a file onto the open image.
 *
 * For whole slides, which are best segmented outside QuPath:
 *     nucleisplit infer slide.svs --mpp 0.5 --write geojson-gz
 * Run it from the script editor (Automate > Script editor). Outlines of another level of the slide
 * are scaled to the image. See README.md in the folder above. Run against stand-ins for the classes of
 * QuPath, never in QuPath itself.
 */
import java.awt.geom.AffineTransform
import java.util.zip.GZIPInputStream
import qupath.lib.io.PathIO
import qupath.lib.objects.PathObjectTools

import static qupath.lib.gui.scripting.QPEx.*

// The file, such as "/data/slide-nuclei/slide.geojson.gz".
String FILE = ""

def imageData = getCurrentImageData()
def file = new File(FILE)
if (imageData == null || !file.isFile()) {
    println "nucleisplit: " + (imageData == null ? "open an image first"
        : "there is no file ${FILE}; write its full path behind FILE at the top")
    return
}
def server = imageData.getServer()
def size = sizeIn(file)
if (size == null) {
    println "nucleisplit: ${FILE} was not written by nucleisplit"
    return
}
double across = server.getWidth() / (double) size.width
double down = server.getHeight() / (double) size.height
if (Math.abs(across / down - 1) > 0.01) {
    println "nucleisplit: ${FILE} is of an image of ${size.width} x ${size.height} pixels, " +
        "this one has ${server.getWidth()} x ${server.getHeight()}"
    return
}

def toImage = AffineTransform.getScaleInstance(across, down)
def found = PathIO.readObjects(file).collect {
    PathObjectTools.transformObject(it, toImage, true)
}
removeObjects(getDetectionObjects().findAll { it.getPathClass()?.getName() == "Nucleus" }, true)
addObjects(found)
fireHierarchyUpdate()
println "nucleisplit: ${found.size()} nuclei"


/** Height and width of the image that the outlines are of, which the file begins with. */
Map sizeIn(File file) {
    def stream = new BufferedInputStream(new FileInputStream(file))
    if (file.getName().toLowerCase().endsWith(".gz"))
        stream = new GZIPInputStream(stream)
    String head = stream.withCloseable { new String(it.readNBytes(200), "UTF-8") }
    def match = head =~ /"nucleisplit":\{"height": (\d+), "width": (\d+)\}/
    match.find() ? [height: match.group(1) as long, width: match.group(2) as long] : null
}
