from refine.labels.annotation import Annotation as Annotation
from refine.labels.annotation import Objects as Objects
from refine.labels.annotation import Rings as Rings
from refine.labels.annotation import same as same
